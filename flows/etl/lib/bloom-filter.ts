import { createHash } from 'node:crypto'

/** A set in a few bits per member: never denies a member, seldom admits a stranger. */
export class BloomFilter {
  readonly #bits: Uint8Array
  readonly #hashes: number

  constructor(members: string[], falsePositives = 0.01) {
    const bitsPerMember = -Math.log(falsePositives) / Math.LN2 ** 2
    this.#bits = new Uint8Array(Math.ceil((bitsPerMember * members.length) / 8) || 1)
    this.#hashes = Math.ceil(bitsPerMember * Math.LN2)
    for (const member of members)
      for (const bit of this.#positions(member)) this.#bits[bit >> 3]! |= 1 << (bit & 7)
  }

  has(value: string): boolean {
    return this.#positions(value).every(bit => this.#bits[bit >> 3]! & (1 << (bit & 7)))
  }

  /** Two hashes stand in for any number of them (Kirsch and Mitzenmacher, 2006). */
  #positions(value: string): number[] {
    const digest = createHash('sha256').update(value).digest()
    const [first, step] = [digest.readUInt32LE(0), digest.readUInt32LE(4)]
    return Array.from({ length: this.#hashes }, (_, i) => (first + i * step) % (this.#bits.length * 8))
  }
}
