/**
 * What a part may use. All limits count, none measures time: the same part is stopped at the same place everywhere.
 *
 * A step is a jump or a call of the part's code. The interpreter reports every {@link STEPS_PER_POLL} of them, so a
 * budget is exact to that many.
 */
export interface Limits {
  /** For loading the module, and for each run of a handler. */
  stepsPerCall: number;
  /** For everything the part does in one run of the machine. */
  stepsInAll: number;
  /** Memory of the realm, its interpreter's 16 MiB included. */
  memoryBytes: number;
  /**
   * Stack of the realm, bytes. The host's own stack has to be deeper, or an overflow is no longer counted but left to the
   * host: 128 KiB needs less than 500 KiB of it.
   */
  stackBytes: number;
  /** Characters that the part may print. */
  printedCharacters: number;
}

/** Steps between two calls of QuickJS's interrupt handler (JS_INTERRUPT_COUNTER_INIT). */
export const STEPS_PER_POLL = 10_000;

/** Steps that one call to the hypervisor is charged: about the work it causes outside the realm. */
export const STEPS_PER_HOST_CALL = 100;

export const DEFAULT_LIMITS: Limits = {
  stepsPerCall: 1_000_000,
  stepsInAll: 50_000_000,
  memoryBytes: 32 << 20,
  stackBytes: 128 << 10,
  printedCharacters: 4096,
};

/** Counts what a part has used. The counts restart with {@link begin}; the sum does not. */
export class Budget {
  /** Calls to the hypervisor since {@link begin}. */
  hostCalls = 0;
  /** Whether the part was stopped for want of budget. */
  exhausted = false;
  private polls = 0;
  private stepsBefore = 0;

  constructor(private readonly limits: Limits) {}

  /** Steps since {@link begin}, host calls included. */
  get steps(): number {
    return this.polls * STEPS_PER_POLL + this.hostCalls * STEPS_PER_HOST_CALL;
  }

  /** The limit that a part has met, or the nearest one. */
  get limit(): number {
    return this.stepsBefore + this.limits.stepsPerCall > this.limits.stepsInAll
      ? this.limits.stepsInAll
      : this.limits.stepsPerCall;
  }

  begin(): void {
    this.stepsBefore += this.steps;
    this.polls = 0;
    this.hostCalls = 0;
  }

  /** For the interpreter's interrupt handler: whether to stop now. */
  poll(): boolean {
    this.polls++;
    return this.check();
  }

  /** Charges a call to the hypervisor; true when there is no budget left for it. */
  chargeHostCall(): boolean {
    this.hostCalls++;
    return this.check();
  }

  private check(): boolean {
    this.exhausted ||=
      this.steps > this.limits.stepsPerCall || this.stepsBefore + this.steps > this.limits.stepsInAll;
    return this.exhausted;
  }
}
