import { createHmac, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { Problem } from '../schema/problem.ts'
import { writeAtomic } from './atomic-file.ts'

const prefix = 'DYNINKA_SECRET_'

/** Values of secrets; they go into the environment of hosts and nowhere else. */
export class Secrets {
  #file: string | undefined
  #env: NodeJS.ProcessEnv
  #salt: Buffer

  /** @param options.file in the manner of `.env`; variables `DYNINKA_SECRET_<NAME>` win over it */
  constructor({ file, state, env = process.env }: { file?: string; state: string; env?: NodeJS.ProcessEnv }) {
    this.#file = file
    this.#env = env
    this.#salt = saltIn(state)
  }

  /** Read anew each time: a file that was edited takes effect in the next pass. */
  read(): Map<string, string> {
    const values = new Map(Object.entries(this.#file === undefined ? {} : readEnvFile(this.#file)))
    for (const [name, value] of Object.entries(this.#env)) {
      if (name.startsWith(prefix)) values.set(name.slice(prefix.length), value!)
    }
    return values
  }

  /** By name; for `desire`. */
  digests(): Record<string, string> {
    return Object.fromEntries([...this.read()].map(([name, value]) => [name, this.digest(value)]))
  }

  /** Tells that a value changed without telling the value: salted, since many secrets are short. */
  digest(value: string): string {
    return digestOf(this.#salt, value)
  }
}

export const digestOf = (salt: Uint8Array, value: string) =>
  createHmac('sha256', salt).update(value).digest('hex').slice(0, 16)

function readEnvFile(path: string): Record<string, string> {
  try {
    return parseEnv(readFileSync(path, 'utf8')) as Record<string, string>
  } catch (error) {
    throw new Problem(
      'SecretsUnreadable',
      `cannot read the secrets file ${path}: ${(error as NodeJS.ErrnoException).code}`,
      {
        cause: error,
        hint: 'Give the path of a readable file of NAME=value lines with --secrets.',
      },
    )
  }
}

function saltIn(state: string): Buffer {
  const path = join(state, 'secrets.salt')
  try {
    return readFileSync(path)
  } catch {
    const salt = randomBytes(32)
    writeAtomic(path, salt, 0o600)
    return salt
  }
}
