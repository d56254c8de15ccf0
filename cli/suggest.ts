import { readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { type Command, Option } from 'commander'
import type { Plan, Situation } from '../controller/placement/advice.ts'
import type { Flow } from '../schema/flow.ts'
import { type ControllerOptions, command, controllerOptions, jsonOption } from './command.ts'
import { duration } from './duration.ts'
import { Usage } from './failure.ts'
import { flowIn } from './flow-in.ts'
import { interruption } from './interrupt.ts'
import { Progress } from './progress.ts'
import { type ForgeFlags, forgeAccess, forgeOption } from './run/forge-access.ts'
import {
  atLeastOne,
  horizonOf,
  type ProposeFlags,
  proposeOptions,
  proposingOf,
  rulesOf,
} from './run/propose-flags.ts'

interface Options extends ControllerOptions, ForgeFlags, ProposeFlags {
  telemetry?: string
  since?: number
  maxMoves?: number
  time?: number
  explain?: string
  format: 'text' | 'markdown'
  base?: string
  dryRun?: true
  json?: true
}

const dayMs = 24 * 3_600_000
const defaultSeconds = 10

export const suggest = (): Command =>
  controllerOptions(
    proposeOptions(
      command('suggest', {
        summary: 'where functions would better run, with proof',
        detail:
          'From what was measured: the moves that save most, how sure that is, and how\n' +
          'much better any other placement could be. Changes nothing without --propose.\n' +
          'docs/placement.md says how it is reckoned.',
        examples: [
          ['dyninka suggest', 'for the dataflow in this folder, as it runs'],
          ['dyninka suggest --telemetry flow.jsonl.gz', 'the same answer again, from a file'],
          ['dyninka suggest --max-moves 1', 'the one move that saves most'],
          ['dyninka suggest --explain parse', 'why it is where it is, and what it would cost elsewhere'],
          ['dyninka suggest --propose --forge github', 'as a pull request, kept up to date each time'],
          ['dyninka suggest -n flows', 'for the Dataflow of a cluster'],
        ],
        failure: 'it can not be told',
      })
        .argument('[DIR]', 'folder of the dataflow', '.')
        .option('--telemetry <FILE>', 'a file of `dyninka telemetry export`, instead of what runs')
        .option('--since <TIME>', 'how far back to look at what runs, such as 6h (default: 24h)', duration)
        .option('--max-moves <N>', 'at most so many moves', atLeastOne)
        .option('--time <DURATION>', 'how long to look for a better answer (default: 10s)', duration)
        .option('--dry-run', 'only say it, which is what happens without --propose')
        .option('--explain <FUNCTION>', 'what each place would cost for this one')
        .addOption(
          new Option('--format <FORMAT>', 'markdown is what a pull request says')
            .choices(['text', 'markdown'])
            .default('text'),
        )
        .addOption(forgeOption('where the pull request is opened'))
        .option('--forge-url <URL>', "base URL of its API (default: that of the repository's host)")
        .option('--base <BRANCH>', 'branch to propose it for (default: that of the remote)')
        .addOption(
          jsonOption(
            '{"flow", "current", "plans", "chosen", "digest", "findings"}, or with --explain {"function", "here", "why", "others"}',
          ),
        ),
      'open a pull request, or bring the one there is up to date; take it back if nothing pays',
    ),
  ).action(async (dir: string, options: Options) => {
    const { Highs } = await import('../controller/placement/highs.ts')
    const { propose } = await import('./suggest/propose.ts')
    const { outcomeText, suggestText } = await import('./suggest/text.ts')
    const { contradictionText, suggestionText } = await import('../controller/placement/suggestion-text.ts')
    const { contradictionOf } = await import('../controller/placement/contradiction.ts')
    const { telemetryFile } = await import('./telemetry/file.ts')
    const { situationOf } = await import('../controller/placement/situation/situation.ts')
    const { attachment, replayCommand } = await import('../controller/placement/attachment.ts')
    const { defaultRules } = await import('../controller/placement/decision.ts')
    const { advise, isAgainst } = await import('../controller/placement/advice.ts')
    if (options.propose && options.dryRun)
      throw new Usage('--dry-run changes nothing, and --propose does', 'Leave one of the two out.')
    const forge = forgeAccess(options)
    if (options.propose && !forge) throw new Usage('--propose needs --forge: github or gitea')
    const flow = await flowIn(dir)
    const signal = interruption()
    const file = await telemetryFile(flow.name, {
      ...options,
      since: options.since ?? dayMs,
      ...(options.telemetry !== undefined && { from: options.telemetry }),
    })
    const situation = situationOf(file, flow, options.brokerZone, horizonOf(options))
    if (options.explain !== undefined) return explained(options.explain, flow, situation, options.json)
    using progress = new Progress('Looking for a better placement')
    await using highs = new Highs()
    const rules = { ...defaultRules, ...rulesOf(options) }
    const advice = await advise(
      situation,
      {
        highs,
        seconds: options.time === undefined ? defaultSeconds : options.time / 1_000,
        now: () => performance.now(),
        signal,
        ...(options.maxMoves !== undefined && { maxMoves: options.maxMoves }),
      },
      rules,
    )
    const { chosen } = advice
    const findings = advice.conflict
      ? contradictionOf(
          advice.conflict,
          await readFile(join(dir, 'dataflow.yaml'), 'utf8'),
          posix.join(dir, 'dataflow.yaml'),
        )
      : []
    const textOf = (plan: Plan) =>
      suggestionText(
        flow.name,
        situation,
        advice,
        plan,
        replayCommand(file.header, options.brokerZone, {
          ...horizonOf(options),
          rules: rulesOf(options),
          ...(options.maxMoves !== undefined && { maxMoves: options.maxMoves }),
        }),
        findings,
      )
    const isTold = options.propose && (chosen !== undefined || isAgainst(advice, situation, rules))
    const outcome =
      isTold &&
      (await propose(flow, chosen && { plan: chosen, text: textOf(chosen), telemetry: attachment(file) }, {
        dir,
        forge: forge!,
        proposing: proposingOf(options),
        ...(options.base !== undefined && { base: options.base }),
        signal,
      }))
    progress.pause()
    if (options.json) {
      const digest = chosen && (await digestIn(dir, flow, chosen))
      const more = { ...(digest && { digest }), findings, ...(outcome && { outcome }) }
      return console.log(JSON.stringify({ flow: flow.name, ...advice, ...more }, null, 2))
    }
    const shown = chosen ?? advice.plans.findLast(({ moves }) => moves.length > 0)
    if (options.format === 'text') console.log(suggestText(flow.name, situation, advice, findings))
    else if (shown) console.log(`# ${textOf(shown).title}\n\n${textOf(shown).body}`)
    else if (findings.length > 0) console.log(contradictionText(findings))
    else console.log('Nothing would be better than where all of it is.')
    if (outcome) console.log(`\n${outcomeText(outcome)}`)
  })

/** Of the change: a pull request for the same has the same. */
async function digestIn(dir: string, { nodes }: Flow, { moves }: Plan): Promise<string> {
  const { changeOf } = await import('../controller/placement/proposal.ts')
  return changeOf(nodes, moves, await readFile(join(dir, 'dataflow.yaml'), 'utf8')).digest
}

async function explained(
  name: string,
  { nodes }: Flow,
  { mean, current }: Situation,
  isJson: true | undefined,
) {
  const { explain } = await import('../controller/placement/explain.ts')
  const { decisionOf, explainText } = await import('./suggest/explain-text.ts')
  if (!(name in current)) {
    const names = mean.items.map(item => item.name).join(', ')
    throw new Usage(`nothing of it runs: ${name}`, `There are ${names}.`)
  }
  const node = current[name]!
  const here = { node, zone: mean.nodes.find(each => each.name === node)!.zone }
  const why = decisionOf(nodes.find(each => each.name === name)!.placement)
  const others = explain(mean, current, name)
  if (isJson) return console.log(JSON.stringify({ function: name, here, why, others }, null, 2))
  console.log(explainText(name, here, why, others))
}
