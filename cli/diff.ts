import { resolve } from 'node:path'
import type { Command } from 'commander'
import { type ControllerOptions, command, controllerOptions, jsonOption } from './command.ts'
import { paint } from './paint.ts'
import { Progress } from './progress.ts'

interface Options extends ControllerOptions {
  exitCode?: true
  json?: true
}

export const diff = (): Command =>
  controllerOptions(
    command('diff', {
      summary: 'show what would change if this working tree were pushed',
      detail:
        'Checks and builds the tree as the controller would, and plans against what runs. Changes nothing.',
      examples: [
        ['dyninka diff', 'before a push'],
        ['dyninka diff --exit-code', 'exits 1 if anything would change, for scripts'],
        ['dyninka diff -n flows', 'against the Dataflows of a cluster'],
      ],
      failure: 'the tree has findings, or with --exit-code something would change',
    })
      .argument('[DIR]', 'folder with one or more dataflows', '.')
      .option('--exit-code', 'exit 1 if anything would change')
      .addOption(jsonOption('{"dataflows": [{"name", "folder", "changes", "findings"}]}')),
  ).action(async (dir: string, options: Options) => {
    const { connect } = await import('./api/connect.ts')
    const { compare } = await import('./diff/compare.ts')
    const { diffText } = await import('./diff/text.ts')
    using progress = new Progress('Checking and building')
    const dataflows = await compare(resolve(dir), await connect(options), options.state)
    progress.pause()
    console.log(options.json ? JSON.stringify({ dataflows }, null, 2) : diffText(dataflows))
    const isWrong = dataflows.some(({ findings }) => findings.length > 0)
    const isChanged = dataflows.some(({ changes }) => changes.length > 0)
    if (isWrong || (options.exitCode && isChanged)) process.exitCode = 1
    if (isWrong)
      console.error(paint('dim', 'As long as there are findings, what runs keeps running.', process.stderr))
  })
