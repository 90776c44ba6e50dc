import type { Clock, TimerEvent } from "../../machine/clock.js";
import type { SharedInfo } from "./shared-info.js";

const NANOSECONDS = 1_000_000_000n;
/** A deadline so many nanoseconds away, 12 days, is not waited for. */
const NEVER = 1n << 50n;

/**
 * System time: nanoseconds since the VM began, as the guest computes them from the time-stamp counter and the shared page, with
 * no call. The hypervisor computes them the same way, so that time never goes back for the guest when the page is written anew.
 */
export class VirtualClock {
  /** Nanoseconds are (cycles << shift) × scale >> 32. */
  readonly #scale: bigint;
  readonly #shift: number;
  #timer: TimerEvent | null = null;

  /**
   * @param clock - of the VM: cycles since it began
   * @param start - what the time-stamp counter was then
   * @param onTimer - the moment that {@link setTimer} named has come
   */
  constructor(
    private readonly clock: Clock,
    private readonly shared: SharedInfo,
    private readonly start: number,
    private readonly onTimer: () => void,
  ) {
    const frequency = BigInt(clock.frequency);
    let shift = 0;
    while (scaleOf(frequency, shift) >= 1n << 32n) shift++;
    while (scaleOf(frequency, shift) < 1n << 31n) shift--;
    this.#shift = shift;
    this.#scale = scaleOf(frequency, shift);
    this.publish();
  }

  /** The moment that it is now goes into the shared page. */
  publish(): void {
    const now = this.clock.now();
    const timestamp = BigInt(this.start + now);
    this.shared.setClock(timestamp, this.#nanoseconds(BigInt(now)), Number(this.#scale), this.#shift);
  }

  #nanoseconds(cycles: bigint): bigint {
    const shifted = this.#shift < 0 ? cycles >> BigInt(-this.#shift) : cycles << BigInt(this.#shift);
    return (shifted * this.#scale) >> 32n;
  }

  /** @param deadline - system time; 0 for none */
  setTimer(deadline: bigint): void {
    if (this.#timer !== null) this.clock.cancel(this.#timer);
    this.#timer = null;
    const now = this.clock.now();
    if (deadline === 0n || deadline - this.#nanoseconds(BigInt(now)) > NEVER) return;
    this.#timer = this.clock.schedule(Math.max(this.#cycleOf(deadline), now), () => this.#fire());
  }

  #fire(): void {
    this.#timer = null;
    this.publish();
    this.onTimer();
  }

  /** The first cycle at which system time is `nanoseconds`. */
  #cycleOf(nanoseconds: bigint): number {
    const shifted = ((nanoseconds << 32n) + this.#scale - 1n) / this.#scale;
    const cycles = this.#shift < 0 ? shifted << BigInt(-this.#shift) : shifted >> BigInt(this.#shift);
    return Number(cycles) + (this.#nanoseconds(cycles) < nanoseconds ? 1 : 0);
  }
}

/** 2^32 × nanoseconds a cycle, for cycles that are shifted left by `shift` first. */
function scaleOf(frequency: bigint, shift: number): bigint {
  const one = NANOSECONDS << 32n;
  return shift < 0 ? (one << BigInt(-shift)) / frequency : (one >> BigInt(shift)) / frequency;
}
