import { CommanderError } from 'commander'
import { Problem } from '../schema/problem.ts'
import { paint } from './paint.ts'

/** Says what failed on stderr, and gives the exit code that goes with it. */
export function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof Usage) {
    say(error.message, error.hint)
    return 2
  }
  if (error instanceof Problem) say(error.message, error.hint)
  else if (error instanceof Error) {
    say(error.message, process.env.DYNINKA_DEBUG ? undefined : 'DYNINKA_DEBUG=1 shows where it came from.')
    if (process.env.DYNINKA_DEBUG) console.error(error)
  } else say(String(error))
  return 1
}

/** The command line itself is wrong. */
export class Usage extends Error {
  readonly hint?: string

  constructor(message: string, hint?: string) {
    super(message)
    if (hint) this.hint = hint
  }
}

function say(message: string, hint?: string) {
  console.error(`${paint('red', 'error:', process.stderr)} ${message}`)
  if (hint) console.error(`  ${paint('dim', 'hint:', process.stderr)} ${hint}`)
}
