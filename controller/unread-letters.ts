/** Dead letters of one dataflow that nobody has dealt with yet: what makes a function that runs not simply well. */
export class UnreadLetters {
  #read = new Map<string, number>()
  #told = new Map<string, number>()

  /** @param total dead letters of the node so far */
  of(node: string, total: number): number {
    return Math.max(0, total - (this.#read.get(node) ?? 0))
  }

  /** Somebody replayed or dropped some. @param count all when left out: more may be given up than are kept */
  read(node: string, total: number, count = total): void {
    this.#read.set(node, Math.min(total, (this.#read.get(node) ?? 0) + count))
    this.#told.delete(node)
  }

  /** @returns how many there are, if that is news: the first ones, then ten times as many as were told last */
  news(node: string, total: number): number | undefined {
    const unread = this.of(node, total)
    if (unread === 0 || unread < (this.#told.get(node) ?? 0) * 10) return undefined
    this.#told.set(node, unread)
    return unread
  }
}
