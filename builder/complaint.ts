/** Why an import can't be followed, in the words of a finding; the bundler adds where. */
export class Complaint extends Error {
  readonly code: string
  readonly hint: string

  constructor(code: string, message: string, hint: string) {
    super(message)
    this.code = code
    this.hint = hint
  }
}
