import type { Command } from 'commander'
import type { DeadLetter } from '../controller/broker/dead-letters.ts'
import type { Place } from './api/target.ts'
import { type ControllerOptions, command, controllerOptions, flowOption, jsonOption } from './command.ts'
import { Usage } from './failure.ts'

interface Options extends ControllerOptions {
  flow?: string
  all?: true
  json?: true
}

export const dead = (): Command =>
  command('dead', {
    summary: 'dead letters: the records that a function gave up',
    detail: 'The last 100 of each partition are kept in the broker, with the reason and the original record.',
    examples: [
      ['dyninka dead list', 'what was given up, where and why'],
      ['dyninka dead replay parse --all', 'try those of parse again, once it is mended'],
      ['dyninka dead drop parse 0/17', 'forget one of them'],
    ],
    failure: 'the controller is not there',
  })
    .addCommand(list())
    .addCommand(change('replay', 'hand dead letters to their function again', 'replayed'))
    .addCommand(change('drop', 'forget dead letters for good', 'dropped'))

const list = () =>
  controllerOptions(
    command('list', {
      summary: 'show dead letters',
      examples: [
        ['dyninka dead list', 'those of every function'],
        ['dyninka dead list parse --json', 'the whole letters, with record and stack'],
        ['dyninka dead list -n flows --flow etl', 'those of one Dataflow of a cluster'],
      ],
      failure: 'the controller is not there',
    })
      .argument('[FUNCTION]', 'only those of one function')
      .addOption(flowOption())
      .addOption(jsonOption('the whole letters')),
  ).action(async (name: string | undefined, options: Options) => {
    const { api, flow } = await find(name, options)
    const letters = await api.get<DeadLetter[]>('/api/dead', { flow, function: name })
    if (options.json) return console.log(JSON.stringify(letters, null, 2))
    const { lettersText } = await import('./dead/text.ts')
    console.log(lettersText(letters))
  })

const change = (verb: 'replay' | 'drop', summary: string, done: string) =>
  controllerOptions(
    command(verb, {
      summary,
      examples: [
        [`dyninka dead ${verb} parse 0/17 0/18`, 'two of them, by the ID that `dead list` shows'],
        [`dyninka dead ${verb} parse --all`, 'all of one function'],
        [`dyninka dead ${verb} parse --all -n flows`, 'in a cluster'],
      ],
      failure: 'the controller is not there, or there was no such letter',
    })
      .argument('FUNCTION')
      .argument('[ID...]', 'as `dyninka dead list` shows them')
      .option('--all', 'all of this function')
      .addOption(flowOption())
      .addOption(jsonOption('{"count"}')),
  ).action(async (name: string, ids: string[], options: Options) => {
    if (ids.length === 0 && !options.all) {
      throw new Usage('which letters?', `Name them as \`dyninka dead list ${name}\` does, or add --all.`)
    }
    const { api, flow } = await find(name, options)
    const body = { flow, function: name, ...(ids.length > 0 && { ids }) }
    const { count } = await api.post<{ count: number }>(`/api/dead/${verb}`, body)
    console.log(options.json ? JSON.stringify({ count }) : `${count} ${done}`)
    if (count < ids.length) process.exitCode = 1
  })

async function find(name: string | undefined, options: Options): Promise<Place> {
  const { connect } = await import('./api/connect.ts')
  const target = await connect(options)
  return name === undefined ? target.place(options.flow) : target.placeOf(name, options.flow)
}
