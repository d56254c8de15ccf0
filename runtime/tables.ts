import { type Flat, maxFields } from './flat.ts'
import { FrameError } from './frame-error.ts'

/** Values with the same names: these, and for each a list with what the values have there. */
type Table = [names: string[], ...columns: unknown[][]]

/** Further shapes in one frame have no table. */
const maxTables = 16

/** Of a frame, the values that are flat: names are there once, and lists of text or numbers are written and read in half the
 *  time of objects. */
export class Tables {
  #shapes: Shape[] = []
  /** Of the value before: most are like it. */
  #newest = 0

  /** @returns the number of its table, or -1 when there are too many */
  add(value: Flat): number {
    if (this.#shapes[this.#newest]?.take(value)) return this.#newest
    const known = this.#shapes.findIndex(shape => shape.take(value))
    if (known === -1 && this.#shapes.length === maxTables) return -1
    this.#newest = known === -1 ? this.#shapes.push(new Shape(value)) - 1 : known
    return this.#newest
  }

  toJSON(): Table[] {
    return this.#shapes.map(shape => shape.table)
  }
}

class Shape {
  #names: string[]
  #columns: unknown[][]
  #count = 1

  constructor(first: Flat) {
    this.#names = Object.keys(first).filter(name => first[name] !== undefined)
    this.#columns = this.#names.map(name => [first[name]])
  }

  get table(): Table {
    return [this.#names, ...this.#columns]
  }

  /** @returns false, changing nothing, when it has other names */
  take(value: Flat): boolean {
    const names = this.#names
    const columns = this.#columns
    let i = 0
    for (const name in value) {
      const field = value[name]
      if (field === undefined) continue
      if (names[i] !== name) return this.#leave(i)
      columns[i++]!.push(field)
    }
    if (i < names.length) return this.#leave(i)
    this.#count += 1
    return true
  }

  #leave(taken: number): false {
    for (let i = 0; i < taken; i++) this.#columns[i]!.length = this.#count
    return false
  }
}

type Row = (columns: unknown[][], i: number) => Flat

/** The values of a frame, in order. @param values those that are in no table @param tables as they were parsed
 *  @param places table of each value, -1: none; absent where one table has all @throws FrameError */
export function valuesOf(values: unknown, tables: unknown, places: unknown): unknown[] {
  if (!Array.isArray(values)) throw new FrameError('frame without records')
  if (tables === undefined) return values
  if (!Array.isArray(tables) || tables.length === 0 || tables.length > maxTables)
    throw new FrameError('frame with a wrong list of tables')
  for (const table of tables) check(table)
  if (places === undefined && values.length === 0 && tables.length === 1) return rowsOf(tables)
  if (!Array.isArray(places)) throw new FrameError('frame that does not say what is in which table')
  return rowsOf(tables, places, values)
}

function check(table: unknown): asserts table is Table {
  if (!Array.isArray(table) || !isNames(table[0])) throw new FrameError('frame with a table that is none')
  const [names, ...columns] = table
  const isColumn = (column: unknown) => Array.isArray(column) && column.length === columns[0].length
  if (columns.length !== names.length || !columns.every(isColumn))
    throw new FrameError('frame with a table whose columns do not fit')
}

const isNames = (names: unknown): names is string[] =>
  Array.isArray(names) &&
  names.length > 0 &&
  names.length <= maxFields &&
  names.every(name => typeof name === 'string')

function rowsOf(tables: Table[], places?: unknown[], rest: unknown[] = []): unknown[] {
  const readers = tables.map(table => new Reader(table))
  if (!places) return readers[0]!.rest()
  let taken = 0
  const values = places.map(place => {
    if (place === -1 && taken < rest.length) return rest[taken++]
    const reader = readers[place as number]
    if (!reader?.left) throw new FrameError('frame whose tables have fewer values than records')
    return reader.next()
  })
  if (taken < rest.length || readers.some(({ left }) => left > 0))
    throw new FrameError('frame whose tables have more values than records')
  return values
}

/** Reads a table row by row. */
class Reader {
  left: number
  #columns: unknown[][]
  #row: Row
  #next = 0

  constructor([names, ...columns]: Table) {
    this.#columns = columns
    this.left = columns[0]!.length
    this.#row = this.left < worthwhile ? (columns, i) => rowByName(names, columns, i) : rowFor(names)
  }

  next(): Flat {
    this.left -= 1
    return this.#row(this.#columns, this.#next++)
  }

  rest(): Flat[] {
    const all = new Array<Flat>(this.left)
    for (let i = 0; i < all.length; i++) all[i] = this.next()
    return all
  }
}

const rowByName = (names: string[], columns: unknown[][], i: number): Flat =>
  Object.fromEntries(names.map((name, column) => [name, columns[column]![i]]))

/** Rows for which code of their own is made: it takes some 20 µs. */
const worthwhile = 32
const maxRows = 500
const rows = new Map<string, Row>()

/** Code that makes an object with these names, as one would write it by hand: ten times as fast as by name. */
function rowFor(names: string[]): Row {
  const id = JSON.stringify(names)
  let row = rows.get(id)
  if (!row) {
    const fields = names.map((name, i) => `${literal(name)}: columns[${i}][i]`)
    row = new Function('columns', 'i', `return { ${fields.join(', ')} }`) as Row
    if (rows.size === maxRows) rows.clear()
    rows.set(id, row)
  }
  return row
}

/** In brackets it is a name like others, not the prototype. */
const literal = (name: string) => (name === '__proto__' ? '["__proto__"]' : JSON.stringify(name))
