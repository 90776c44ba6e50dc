import { byteWide, type Device } from "../bus.js";

/**
 * The keyboard controller of a PC/AT, an Intel 8042 (82371SB and IBM PC/AT technical references), with nothing plugged
 * in: it passes its self test, and whatever is sent to a keyboard or mouse times out.
 * @module
 */

/** Status register, read at the command port. */
const OUTPUT_FULL = 1 << 0;
const SYSTEM_FLAG = 1 << 2;
const LAST_WAS_COMMAND = 1 << 3;
const NOT_LOCKED = 1 << 4;
const TIME_OUT = 1 << 6;

const READ_CONFIGURATION = 0x20;
const WRITE_CONFIGURATION = 0x60;
const DISABLE_AUXILIARY = 0xa7;
const ENABLE_AUXILIARY = 0xa8;
const TEST_AUXILIARY = 0xa9;
const SELF_TEST = 0xaa;
const TEST_KEYBOARD = 0xab;
const DISABLE_KEYBOARD = 0xad;
const ENABLE_KEYBOARD = 0xae;
const READ_OUTPUT_PORT = 0xd0;
const WRITE_OUTPUT_PORT = 0xd1;
const WRITE_AUXILIARY = 0xd4;
/** FxH pulses the output lines whose bits are 0: line 0 is the processors' reset. */
const PULSE = 0xf0;

const SELF_TEST_PASSED = 0x55;
const INTERFACE_PASSED = 0;
const RESEND = 0xfe;
const DISABLE_KEYBOARD_BIT = 1 << 4;
const DISABLE_AUXILIARY_BIT = 1 << 5;
const OUTPUT_PORT_AT_RESET = 0xcf;
const OUTPUT_PORT_RESET = 1 << 0;

export interface Keyboard8042State {
  configuration: number;
  outputPort: number;
  /** The byte to be read, null for none. */
  output: number | null;
  timeOut: boolean;
  /** Command whose parameter comes next, 0 for none. */
  command: number;
  lastWasCommand: boolean;
}

export class Keyboard8042 {
  #state: Keyboard8042State = {
    configuration: SYSTEM_FLAG | DISABLE_KEYBOARD_BIT | DISABLE_AUXILIARY_BIT,
    outputPort: OUTPUT_PORT_AT_RESET,
    output: null,
    timeOut: false,
    command: 0,
    lastWasCommand: false,
  };
  /** Data; 1 port. */
  readonly data: Device = byteWide(
    () => this.#readData(),
    (offset, value) => {
      if (offset === 0) this.#writeData(value);
    },
  );
  /** Status and command; 1 port. */
  readonly command: Device = byteWide(
    () => this.#status(),
    (offset, value) => {
      if (offset === 0) this.#execute(value);
    },
  );

  /** @param reset - the controller pulls the processors' reset line */
  constructor(private readonly reset: () => void) {}

  #status(): number {
    const { output, timeOut, configuration, lastWasCommand } = this.#state;
    return (
      NOT_LOCKED |
      (output === null ? 0 : OUTPUT_FULL) |
      (configuration & SYSTEM_FLAG) |
      (lastWasCommand ? LAST_WAS_COMMAND : 0) |
      (timeOut ? TIME_OUT : 0)
    );
  }

  #readData(): number {
    const value = this.#state.output ?? 0;
    this.#state.output = null;
    this.#state.timeOut = false;
    return value;
  }

  #answer(value: number, timeOut = false): void {
    this.#state.output = value;
    this.#state.timeOut = timeOut;
  }

  #execute(command: number): void {
    const s = this.#state;
    s.lastWasCommand = true;
    s.command = 0;
    if (command >= PULSE) {
      if ((command & OUTPUT_PORT_RESET) === 0) this.reset();
    } else if (command === READ_CONFIGURATION) this.#answer(s.configuration);
    else if (command === SELF_TEST) this.#answer(SELF_TEST_PASSED);
    else if (command === TEST_KEYBOARD || command === TEST_AUXILIARY) this.#answer(INTERFACE_PASSED);
    else if (command === READ_OUTPUT_PORT) this.#answer(s.outputPort);
    else if (command === DISABLE_KEYBOARD) s.configuration |= DISABLE_KEYBOARD_BIT;
    else if (command === ENABLE_KEYBOARD) s.configuration &= ~DISABLE_KEYBOARD_BIT;
    else if (command === DISABLE_AUXILIARY) s.configuration |= DISABLE_AUXILIARY_BIT;
    else if (command === ENABLE_AUXILIARY) s.configuration &= ~DISABLE_AUXILIARY_BIT;
    else if ([WRITE_CONFIGURATION, WRITE_OUTPUT_PORT, WRITE_AUXILIARY].includes(command)) s.command = command;
  }

  #writeData(value: number): void {
    const s = this.#state;
    const { command } = s;
    s.command = 0;
    s.lastWasCommand = false;
    if (command === WRITE_CONFIGURATION) s.configuration = value;
    else if (command === WRITE_OUTPUT_PORT) {
      s.outputPort = value;
      if ((value & OUTPUT_PORT_RESET) === 0) this.reset();
    } else this.#answer(RESEND, true);
  }

  snapshot(): Keyboard8042State {
    return { ...this.#state };
  }
  restore(state: Keyboard8042State): void {
    this.#state = { ...state };
  }
}
