import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { command } from './command.ts'
import { duration } from './duration.ts'

interface Options {
  exitAfter?: number
  json?: true
  dir?: string
}

export const demo = (): Command =>
  command('demo', {
    summary: 'see a push reach a running dataflow, in a minute',
    detail:
      'Makes a repository, runs the dataflow in it, sends it weather data and shows what comes out.\n' +
      'Then says what to edit and push. Ctrl-C stops all that it started.',
    examples: [
      ['dyninka demo', 'the same as `npm start`'],
      ['dyninka demo --exit-after 20s --json', 'ends by itself with one JSON summary, for CI'],
    ],
    failure: 'not all that was sent was delivered',
  })
    .option('--exit-after <DURATION>', 'stop sending in time, see that all has arrived, and end', duration)
    .option('--dir <DIR>', 'folder to work in (default: a new one for temporary files)')
    .option('--json', '{"recordsSent", "recordsDelivered", "functions", "builds", "revision", "seconds"}')
    .action(async ({ dir, ...options }: Options) => {
      const { Demo } = await import('./demo/demo.ts')
      const folder = dir ? resolve(dir) : await mkdtemp(join(tmpdir(), 'dyninka-demo-'))
      process.exitCode = await new Demo(folder, options).run()
    })
