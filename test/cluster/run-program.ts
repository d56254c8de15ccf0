import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** @returns what it printed. @throws with what it complained of */
export async function run(program: string, args: string[]): Promise<string> {
  try {
    return (await promisify(execFile)(program, args, { maxBuffer: 2 ** 26 })).stdout
  } catch (error) {
    const { stderr = '', stdout = '' } = error as { stderr?: string; stdout?: string }
    throw new Error(`${program} ${args.join(' ')}: ${stderr.trim() || stdout.trim() || error}`, {
      cause: error,
    })
  }
}
