import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hostBundle } from '../../builder/index.ts'
import { codeOf } from './function-code.ts'

export interface Programs {
  /** The bundled host. */
  program: string
  /** Folder of the function that all services of a bench call. */
  step: string
}

/** Builds what hosts run, for as long as `use` takes. */
export async function withPrograms<T>(use: (programs: Programs) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'dyninka-bench-'))
  try {
    const program = join((await hostBundle(folder)).path, 'host.mjs')
    const step = await codeOf(join(folder, 'step'), new URL('../peers/step.ts', import.meta.url), 'step')
    return await use({ program, step })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
