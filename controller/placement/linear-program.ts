/** A mixed-integer linear program that is minimised: plain arrays that can be sent to a worker. */
export interface LinearProgram {
  offset: number
  cost: Float64Array
  lower: Float64Array
  upper: Float64Array
  /** 1 for whole numbers. */
  integer: Int32Array
  rowLower: Float64Array
  rowUpper: Float64Array
  /** Rows one after the other: where each begins, its columns, their coefficients. */
  starts: Int32Array
  columns: Int32Array
  values: Float64Array
}

type Entry = readonly [column: number, value: number]

/** Puts a program together column by column and row by row. */
export class ProgramBuilder {
  offset = 0
  readonly #cost: number[] = []
  readonly #upper: number[] = []
  readonly #integer: number[] = []
  readonly #rowLower: number[] = []
  readonly #rowUpper: number[] = []
  readonly #starts: number[] = [0]
  readonly #columns: number[] = []
  readonly #values: number[] = []

  /** @returns the number of the new column, from 0 to `upper` */
  column(cost: number, upper: number, isInteger = false): number {
    this.#cost.push(cost)
    this.#upper.push(upper)
    this.#integer.push(isInteger ? 1 : 0)
    return this.#cost.length - 1
  }

  addCost(column: number, cost: number): void {
    this.#cost[column]! += cost
  }

  /** Several entries for one column add up. @returns the number of the new row */
  row(lower: number, entries: Iterable<Entry>, upper: number): number {
    const sums = new Map<number, number>()
    for (const [column, value] of entries) sums.set(column, (sums.get(column) ?? 0) + value)
    for (const [column, value] of sums) {
      if (value === 0) continue
      this.#columns.push(column)
      this.#values.push(value)
    }
    this.#starts.push(this.#columns.length)
    this.#rowLower.push(lower)
    this.#rowUpper.push(upper)
    return this.#rowLower.length - 1
  }

  get size(): number {
    return this.#values.length
  }

  build(): LinearProgram {
    return {
      offset: this.offset,
      cost: Float64Array.from(this.#cost),
      lower: new Float64Array(this.#cost.length),
      upper: Float64Array.from(this.#upper),
      integer: Int32Array.from(this.#integer),
      rowLower: Float64Array.from(this.#rowLower),
      rowUpper: Float64Array.from(this.#rowUpper),
      starts: Int32Array.from(this.#starts),
      columns: Int32Array.from(this.#columns),
      values: Float64Array.from(this.#values),
    }
  }
}
