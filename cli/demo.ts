import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { command } from './command.ts'
import { duration } from './duration.ts'
import { Usage } from './failure.ts'

interface Options {
  exitAfter?: number
  json?: true
  dir?: string
  placement?: true
  wait?: true
}

export const demo = (): Command =>
  command('demo', {
    summary: 'see a push reach a running dataflow, in a minute',
    detail:
      'Makes a repository, runs the dataflow in it, sends it weather data and shows what comes out.\n' +
      'Then says what to edit and push. Ctrl-C stops all that it started. With --placement: three zones, a dataflow that\n' +
      'is placed badly, and a pull request that moves its functions, with a forge of its own on this machine.',
    examples: [
      ['dyninka demo', 'the same as `npm start`'],
      ['dyninka demo --placement', 'from telemetry to a pull request and its merge, in two minutes'],
      ['dyninka demo --exit-after 20s --json', 'ends by itself with one JSON summary, for CI'],
    ],
    failure: 'not all that was sent was delivered, or --exit-after was over before all was shown',
  })
    .option('--exit-after <DURATION>', 'stop sending in time, see that all has arrived, and end', duration)
    .option('--placement', 'show how a pull request moves functions to where they are better placed')
    .option('--wait', 'with --placement: leave the merge to you')
    .option('--dir <DIR>', 'folder to work in (default: a new one for temporary files)')
    .option(
      '--json',
      '{"recordsSent", "recordsDelivered", "functions", "builds", "revision", "seconds"}, and of --placement "moved" and more',
    )
    .action(async ({ dir, placement, ...options }: Options) => {
      if (options.wait && !placement) throw new Usage('--wait needs --placement: nothing else is merged')
      const folder = dir ? resolve(dir) : await mkdtemp(join(tmpdir(), 'dyninka-demo-'))
      if (placement) {
        const { PlacementDemo } = await import('./demo/placement/placement-demo.ts')
        process.exitCode = await new PlacementDemo(folder, options).run()
        return
      }
      const { Demo } = await import('./demo/demo.ts')
      process.exitCode = await new Demo(folder, options).run()
    })
