import type { Logger } from './context.ts'
import { userStack } from './user-stack.ts'

/** Keeps a user's code from ending the host: `process.exit` throws, and what leaks out of a call is logged. */
export function trap(log: Logger): { exit(code: number): never } {
  const exit = process.exit.bind(process)
  process.exit = (code): never => {
    throw new Error(`the function called process.exit(${code ?? ''}): return or throw instead`)
  }
  process.on('unhandledRejection', reason => complain('a promise was rejected and nobody handled it', reason))
  process.on('uncaughtException', error => complain('an error was thrown outside of a call', error))
  return { exit }

  function complain(message: string, error: unknown) {
    const { message: text, stack } =
      error instanceof Error ? error : { message: String(error), stack: undefined }
    log.error(message, {
      error: text,
      ...(stack !== undefined && { stack: userStack(stack) }),
      hint: 'await every promise in the function',
    })
  }
}
