const UP = 1
const DOWN = 2
const LEFT = 4
const RIGHT = 8
/** By the sum of the directions in which lines leave the cell. */
const glyphs = [...' │││─┘┐┤─└┌├─┴┬┼']

type Point = [x: number, y: number]

/** Characters and lines on a grid; lines of one owner join where they meet, others pass beneath. */
export class Canvas {
  readonly #text = new Map<string, string>()
  readonly #lines = new Map<string, Map<unknown, number>>()
  #width = 0
  #height = 0

  write(x: number, y: number, text: string, style: (text: string) => string = text => text) {
    for (let index = 0; index < text.length; index++) {
      this.#text.set(`${x + index},${y}`, index === 0 ? style(text) : '')
    }
    this.#reach(x + text.length, y)
  }

  line(owner: unknown, [x1, y1]: Point, [x2, y2]: Point) {
    const [dx, dy] = [Math.sign(x2 - x1), Math.sign(y2 - y1)]
    for (let x = x1, y = y1; x !== x2 || y !== y2; x += dx, y += dy) {
      this.#mark(owner, x, y, dx > 0 ? RIGHT : dx < 0 ? LEFT : dy > 0 ? DOWN : UP)
      this.#mark(owner, x + dx, y + dy, dx > 0 ? LEFT : dx < 0 ? RIGHT : dy > 0 ? UP : DOWN)
    }
    this.#reach(Math.max(x1, x2), Math.max(y1, y2))
  }

  render(): { lines: string[]; width: number } {
    const lines: string[] = []
    for (let y = 0; y <= this.#height; y++) {
      let line = ''
      for (let x = 0; x < this.#width; x++) {
        const at = `${x},${y}`
        line += this.#text.get(at) ?? glyphs[this.#directions(at)]
      }
      lines.push(line.trimEnd())
    }
    return { lines, width: this.#width }
  }

  #mark(owner: unknown, x: number, y: number, direction: number) {
    const at = `${x},${y}`
    const owners = this.#lines.get(at) ?? new Map<unknown, number>()
    owners.set(owner, (owners.get(owner) ?? 0) | direction)
    this.#lines.set(at, owners)
  }

  #directions(at: string): number {
    const masks = [...(this.#lines.get(at)?.values() ?? [])]
    const crossing = masks.includes(UP | DOWN) && masks.includes(LEFT | RIGHT)
    return crossing ? UP | DOWN : masks.reduce((all, mask) => all | mask, 0)
  }

  #reach(x: number, y: number) {
    this.#width = Math.max(this.#width, x)
    this.#height = Math.max(this.#height, y)
  }
}
