import type { Command } from 'commander'
import { type ControllerOptions, command, controllerOptions, flowOption, jsonOption } from './command.ts'
import { Usage } from './failure.ts'

interface Options extends ControllerOptions {
  to?: string
  flow?: string
  dir: string
  now?: true
  back?: true
  dryRun?: true
  push: boolean
  json?: true
}

export const move = (): Command =>
  controllerOptions(
    command('move', {
      summary: 'have a function run in another zone, or on another node',
      detail:
        'Edits its dataflow.yaml in this checkout, checks all of it, commits that file alone, and pushes: from there on it is\n' +
        'a revision like any other, and no record is lost. Where a controller can be asked, the place must be one of its\n' +
        'nodes. With --now, the controller moves what runs at once, until the next revision; no file changes.\n' +
        'FUNCTION may be a source or a sink, too. What shares a node with it (`with`) moves along.',
      examples: [
        ['dyninka move average --to edge-lyon', 'to any node of that zone'],
        ['dyninka move average --to node:gateway-1 --dry-run', 'shows the lines that would change'],
        ['dyninka move average --to cloud --no-push', 'commits, for a branch and a review'],
        ['dyninka move average --to cloud --now', 'at once, until the next revision'],
        ['dyninka move average --back --now', 'where its file says'],
        ['dyninka move average --to cloud --now -n flows', 'in a cluster'],
      ],
      failure:
        'it may not run there, the file could not be edited, committed or pushed, or no controller answers',
    })
      .argument('FUNCTION')
      .option('--to <PLACE>', 'a zone, or node:NAME')
      .option('--now', 'move what runs, until the next revision, and change no file')
      .option('--back', 'with --now: have it run where its file says again')
      .option('--dry-run', 'show what would change, and change nothing')
      .option('--no-push', 'commit, and do not push')
      .option('--dir <DIR>', 'where dataflow.yaml files are looked for', '.')
      .addOption(flowOption())
      .addOption(jsonOption('{"function", "to", …}: "changes", "commit", "pushed"; with --now "moved"')),
  ).action(async (name: string, options: Options) => {
    const { to, now, back, dryRun } = options
    if (back && !now) throw new Usage('--back goes with --now', 'Without it, write the place with --to.')
    if (now && dryRun) throw new Usage('--now has no --dry-run', 'Leave one of the two out.')
    if ((to === undefined) === (back === undefined))
      throw new Usage('where to?', 'Name a zone with --to, or a node with --to node:NAME.')
    const place = to === undefined ? {} : placeOf(to)
    if (now) {
      const { moveNow } = await import('./move/move-now.ts')
      return moveNow(name, place, options)
    }
    const { moveFile } = await import('./move/move-file.ts')
    return moveFile(name, place, options)
  })

/** `edge-lyon`, `zone:edge-lyon` or `node:gateway-1`. */
function placeOf(text: string): { zone?: string; node?: string } {
  const [, kind = 'zone', name = ''] =
    /^(?:(zone|node):)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)$/.exec(text) ?? []
  if (name === '')
    throw new Usage(`--to: ${text} is no place`, 'Write a zone, or node: and the name of a node.')
  return kind === 'node' ? { node: name } : { zone: name }
}
