/** Finds how many instructions fit a slice of time. The guest never sees it: only when the machine stops to listen. */
export class Slices {
  #budget = 5_000;

  /**
   * @param target - milliseconds of one slice
   * @param now - real time, milliseconds
   * @param most - steps of a slice
   */
  constructor(
    private readonly target: number,
    private readonly now: () => number,
    private readonly most = 20_000_000,
  ) {}

  get budget(): number {
    return this.#budget;
  }

  /** Runs one slice and learns from it. */
  during(run: (instructions: number) => void): void {
    const start = this.now();
    run(this.#budget);
    const took = this.now() - start;
    const wanted = took <= 0.05 ? this.#budget * 2 : (this.#budget * this.target) / took;
    // Up by steps, down at once: exits make some instructions a thousand times slower than others.
    this.#budget = Math.round(Math.min(this.most, Math.max(500, Math.min(wanted, this.#budget * 2))));
  }
}
