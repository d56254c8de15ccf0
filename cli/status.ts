import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { type ControllerOptions, command, controllerOptions, flowOption, jsonOption } from './command.ts'
import { interruption } from './interrupt.ts'

interface Options extends ControllerOptions {
  flow?: string
  json?: true
  watch?: true
}

const WATCH_MS = 1000

export const status = (): Command =>
  controllerOptions(
    command('status', {
      summary: 'show what runs, and how it does',
      examples: [
        ['dyninka status', 'dataflows, functions, hosts, lag'],
        ['dyninka status --watch', 'the same, renewed every second'],
        [`dyninka status --json | jq '.dataflows[].functions[].phase'`, 'for scripts'],
      ],
      failure: 'the controller is not there',
    })
      .addOption(flowOption())
      .option('-w, --watch', 'renew every second until Ctrl-C')
      .addOption(
        jsonOption(
          '{"dataflows": [{"name", "revision", "conditions", "functions"}]}; with --watch, one line each',
        ),
      ),
  ).action(async (options: Options) => {
    const { connect } = await import('./api/connect.ts')
    const { statusText } = await import('./status/text.ts')
    const controller = await connect(options)
    const flow = options.flow && (await controller.flowNamed(options.flow))
    const answer = async () => {
      const { dataflows, ...rest } = await controller.status()
      return { ...rest, dataflows: dataflows.filter(({ name }) => !flow || name === flow) }
    }
    if (!options.watch) {
      const now = await answer()
      console.log(options.json ? JSON.stringify(now, null, 2) : statusText(now))
      return
    }
    const signal = interruption()
    while (!signal.aborted) {
      const now = await answer()
      if (options.json) console.log(JSON.stringify(now))
      else console.log(`${process.stdout.isTTY ? '\x1b[H\x1b[2J\x1b[3J' : ''}${statusText(now)}`)
      await sleep(WATCH_MS, undefined, { signal }).catch(() => {})
    }
  })
