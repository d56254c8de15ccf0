import type { Finding } from './finding.ts'

/** A file's text, with a way from an offset to the line and column that a person looks for. */
export class SourceText {
  readonly file: string
  readonly text: string
  readonly #lines: number[] = [0]

  constructor(file: string, text: string) {
    this.file = file
    this.text = text
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.#lines.push(at + 1)
  }

  /** Line and column from 1; an offset outside the text counts as its nearest end. */
  position(offset: number): { line: number; column: number } {
    const inside = Math.min(Math.max(offset, 0), this.text.length)
    let low = 0
    let high = this.#lines.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#lines[middle]! <= inside) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: inside - this.#lines[low]! + 1 }
  }

  /** Where a line starts; `line` from 1. */
  lineStart(line: number): number {
    return this.#lines[line - 1] ?? this.text.length
  }

  finding(offset: number, code: string, message: string, hint: string): Finding {
    return { file: this.file, ...this.position(offset), code, message, hint }
  }
}
