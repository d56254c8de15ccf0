import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { base } from './base.ts'
import { controller } from './controller.ts'
import { dead } from './dead.ts'
import { demo } from './demo.ts'
import { dev } from './dev.ts'
import { diff } from './diff.ts'
import { report } from './failure.ts'
import { graph } from './graph.ts'
import { init } from './init.ts'
import { install } from './install.ts'
import { endWithReader } from './interrupt.ts'
import { logs } from './logs.ts'
import { move } from './move.ts'
import { node } from './node.ts'
import { reconcile, resume, suspend } from './resource.ts'
import { run } from './run.ts'
import { status } from './status.ts'
import { stop } from './stop.ts'
import { suggest } from './suggest.ts'
import { tap } from './tap.ts'
import { telemetry } from './telemetry.ts'
import { validate } from './validate.ts'

const { version, description } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { version: string; description: string }

const dyninka = new Command('dyninka')
  .description(description)
  .version(version, '-V, --version')
  .exitOverride()
  .helpCommand('help [COMMAND]', 'show the help of a command')
  .commandsGroup('Write:')
dyninka.addCommand(init()).addCommand(validate()).addCommand(graph()).addCommand(dev())
dyninka.commandsGroup('Run:')
dyninka.addCommand(run()).addCommand(stop()).addCommand(diff()).addCommand(move()).addCommand(demo())
dyninka.commandsGroup('Prepare:')
dyninka.addCommand(base())
dyninka.commandsGroup('Look:')
dyninka.addCommand(status()).addCommand(logs()).addCommand(tap()).addCommand(telemetry()).addCommand(dead())
dyninka.addCommand(suggest()).addCommand(node())
dyninka.commandsGroup('In a Kubernetes cluster:')
dyninka.addCommand(install()).addCommand(reconcile()).addCommand(suspend()).addCommand(resume())
dyninka.addCommand(controller())
dyninka.addHelpText(
  'after',
  '\nStart with `dyninka demo`, or with `dyninka init my-flow && dyninka dev my-flow`.',
)

endWithReader()
try {
  await dyninka.parseAsync()
} catch (error) {
  process.exitCode = report(error)
}
