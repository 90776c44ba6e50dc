/**
 * What your part is given. Linear and machine addresses and page-table entries are bigints, as 64-bit registers hold them; frames
 * and levels are numbers.
 * @module
 */

/** A paravirtual guest: its memory, and what each of its frames is used as. */
export interface Domain {
  /** Frames of the guest are numbered 0 … frames − 1. */
  readonly frames: number;
  /** Eight bytes at a linear address of the guest; undefined where its kernel could not read. */
  read64(linear: bigint): bigint | undefined;
  /** The number of the guest's frame at a machine address; −1 when it is not the guest's. */
  frameOf(machine: bigint): number;
  /** 1 … 4 for a frame that is in use as a page table, else 0. */
  tableLevel(frame: number): number;
  /** A page-table entry by its machine address, which has to be in a frame of the guest. */
  readEntry(machine: bigint): bigint;
  writeEntry(machine: bigint, value: bigint): void;
  /** One more writable mapping of a frame, or one less. False: the frame is a table, or never to be written. */
  useWritable(frame: number): boolean;
  dropWritable(frame: number): void;
  /** One more use of a frame as a table of a level, or one less. A frame becomes a table if all that is in it is good. @returns 0 or an error */
  useTable(frame: number, level: number): number;
  dropTable(frame: number): void;
  /** One more writable mapping of the 2 MiB that begin with a frame, or one less. False: a frame in them must not be written. */
  useLarge(frame: number): boolean;
  dropLarge(frame: number): void;
  /** The second result of the hypercall: how many requests have been carried out. */
  done(count: number): void;
}
