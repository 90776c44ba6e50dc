/**
 * Keeps a run that somebody watches near the clock on their wall. A machine that computes is slower than the one it
 * simulates and needs no help; a guest that sleeps skips its sleep, and at a prompt would burn through hours and a
 * processor. Whoever runs the machine waits as told; the guest cannot see it.
 */
export class Pace {
  #cycles = 0;
  #time: number | null = null;
  /** Simulated milliseconds ahead of real ones. */
  #lead = 0;

  /**
   * @param frequency - simulated cycles a second
   * @param slack - milliseconds that the run may be ahead: short sleeps, as while a kernel boots, are skipped
   */
  constructor(
    private readonly frequency: number,
    private readonly slack: number,
  ) {}

  /** Somebody typed and wants to see what comes of it: nothing is waited for that is past. */
  forgive(): void {
    this.#lead = Math.min(this.#lead, this.slack);
  }

  /**
   * @param cycles - of the machine, since its reset
   * @param time - real time in milliseconds
   * @returns milliseconds to wait before going on; 0 unless the guest sleeps
   */
  wait(cycles: number, time: number): number {
    if (this.#time !== null) {
      const simulated = ((cycles - this.#cycles) / this.frequency) * 1000;
      this.#lead = Math.max(0, this.#lead + simulated - (time - this.#time));
    }
    this.#cycles = cycles;
    this.#time = time;
    return Math.max(0, this.#lead - this.slack);
  }
}
