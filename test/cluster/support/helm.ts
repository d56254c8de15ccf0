import { fileURLToPath } from 'node:url'
import { run } from '../run-program.ts'
import { tool } from '../tools.ts'

export const chart = fileURLToPath(new URL('../../../charts/dyninka', import.meta.url))

/** What the chart can't do without. */
export const images = {
  image: 'registry.example.org/controller:1',
  functionImage: 'registry.example.org/node:24',
}

/** @returns what it printed. @throws with what it complained of */
export const helm = async (...args: string[]) => run(await tool('helm'), args)

export const set = (values: Record<string, string>) =>
  Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`])

/** What the chart makes, as YAML. */
export const render = (args: string[], { release = 'dyninka', namespace = 'dyninka' } = {}) =>
  helm('template', release, chart, '-n', namespace, ...args)
