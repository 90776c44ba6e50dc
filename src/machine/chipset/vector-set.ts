/** A 256-bit register of the local APIC, one bit a vector: IRR, ISR or TMR (SDM Vol. 3, 11.8.4). */
export class VectorSet {
  readonly words = new Uint32Array(8);

  has(vector: number): boolean {
    return (this.words[vector >>> 5]! & (1 << (vector & 31))) !== 0;
  }
  add(vector: number): void {
    this.words[vector >>> 5]! |= 1 << (vector & 31);
  }
  remove(vector: number): void {
    this.words[vector >>> 5]! &= ~(1 << (vector & 31));
  }
  clear(): void {
    this.words.fill(0);
  }
  /** The vector of highest priority, -1 when there is none. */
  highest(): number {
    for (let i = 7; i >= 0; i--) {
      const word = this.words[i]!;
      if (word !== 0) return 32 * i + 31 - Math.clz32(word);
    }
    return -1;
  }
}
