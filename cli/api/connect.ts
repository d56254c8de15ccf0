import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Problem } from '../../schema/problem.ts'
import type { ControllerOptions } from '../command.ts'
import { stateFolder } from '../state.ts'
import { Api } from './api.ts'

/** The controller that `--url`, `DYNINKA_URL`, `--state` or the folder we are in leads to. @throws Problem */
export async function connect(options: ControllerOptions): Promise<Api> {
  const url = options.url ?? (options.state === undefined ? process.env.DYNINKA_URL : undefined)
  if (url) return new Api(url, process.env.DYNINKA_TOKEN)
  const state = stateFolder(options.state)
  const content = await readFile(join(state, 'controller.json'), 'utf8').catch(() => undefined)
  if (content === undefined) {
    throw new Problem('NoController', `no controller is running: there is no controller.json in ${state}`, {
      hint: 'Start one with `dyninka dev` or `dyninka run`, or name one with --state or --url.',
    })
  }
  const known = JSON.parse(content) as { url: string; token: string | null }
  return new Api(known.url, process.env.DYNINKA_TOKEN ?? known.token ?? undefined)
}
