/** Whether partitions may be taken over. At the edges of the graph what is under way then comes, or leaves, a second
 *  time: who comes waits until who goes has finished it, but not for ever. */
export class Handover {
  #patienceMs: number
  #onImpatient: () => void
  #waits = new Map<number, { isOver: boolean; timer: NodeJS.Timeout }>()

  /** @param onImpatient who goes has had its time */
  constructor(patienceMs: number, onImpatient: () => void) {
    this.#patienceMs = patienceMs
    this.#onImpatient = onImpatient
  }

  /** @param isHeld another host says that it has not let go yet */
  mayTake(partition: number, isHeld: boolean): boolean {
    const wait = this.#waits.get(partition)
    if (!isHeld) {
      clearTimeout(wait?.timer)
      this.#waits.delete(partition)
    } else if (!wait) this.#wait(partition)
    return wait?.isOver || !isHeld
  }

  /** Whatever else was wanted before is not. */
  want(partitions: number[]) {
    for (const [partition, { timer }] of this.#waits) {
      if (partitions.includes(partition)) continue
      clearTimeout(timer)
      this.#waits.delete(partition)
    }
  }

  close() {
    this.want([])
  }

  #wait(partition: number) {
    const timer = setTimeout(() => {
      this.#waits.set(partition, { isOver: true, timer })
      this.#onImpatient()
    }, this.#patienceMs)
    this.#waits.set(partition, { isOver: false, timer })
  }
}
