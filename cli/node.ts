import type { Command } from 'commander'
import type { NodeState } from '../controller/orchestrator/orchestrator.ts'
import { type ControllerOptions, command, controllerOptions, flowOption, jsonOption } from './command.ts'
import { table } from './table.ts'

interface Options extends ControllerOptions {
  flow?: string
  json?: true
}

export const node = (): Command =>
  command('node', {
    summary: 'nodes: what functions run on, and how it is',
    detail:
      'What can not be where it is decided, since a node is lost, full or drained, runs elsewhere until the node is well, and going back pays.',
    examples: [
      ['dyninka node list', 'zones, sizes and conditions'],
      ['dyninka node drain gateway-1', 'have all that runs there go elsewhere'],
      ['dyninka node restore gateway-1', 'use it again, and have back what fled from it'],
    ],
    failure: 'the controller is not there, or there is no such node',
  })
    .addCommand(list())
    .addCommand(change('drain', 'have all that runs on a node go elsewhere', true))
    .addCommand(
      change('restore', 'use a node again that was drained, and have back what fled from it', false),
    )

const list = () =>
  controllerOptions(
    command('list', {
      summary: 'show nodes',
      examples: [['dyninka node list', 'zones, sizes and conditions']],
      failure: 'the controller is not there',
    })
      .addOption(flowOption())
      .addOption(jsonOption('[{"name", "zone", "arch", "labels", "capacity", "allocatable", "conditions"}]')),
  ).action(async (options: Options) => {
    const nodes = await (await apiOf(options)).get<NodeState[]>('/api/nodes')
    if (options.json) return console.log(JSON.stringify(nodes, null, 2))
    const columns = ['NAME', 'ZONE', 'ARCH', 'CPU', 'MEMORY', 'CONDITIONS'].map(head => ({ head }))
    console.log(table(columns, nodes.map(rowOf)))
  })

const change = (verb: 'drain' | 'restore', summary: string, isDrained: boolean) =>
  controllerOptions(
    command(verb, {
      summary,
      detail: 'For virtual nodes of one machine. In a cluster it is `kubectl drain`, and `kubectl uncordon`.',
      examples: [[`dyninka node ${verb} gateway-1`, 'by its name']],
      failure: 'the controller is not there, or there is no such node',
    })
      .argument('NODE')
      .addOption(flowOption())
      .addOption(jsonOption('{"node", "drained"}')),
  ).action(async (name: string, options: Options) => {
    const api = await apiOf(options)
    await api.post('/api/node', { node: name, drained: isDrained })
    if (options.json) return console.log(JSON.stringify({ node: name, drained: isDrained }))
    console.log(isDrained ? `${name} is drained: what runs there goes elsewhere` : `${name} is used again`)
  })

async function apiOf(options: Options) {
  const { connect } = await import('./api/connect.ts')
  return (await (await connect(options)).place(options.flow)).api
}

function rowOf({ name, zone = '-', arch = '-', allocatable = {}, conditions }: NodeState): string[] {
  const { cpuMillis, memoryBytes } = allocatable
  const told = conditions
    .filter(({ type, status }) => (type === 'Ready' ? status !== 'True' : status === 'True'))
    .map(({ type }) => (type === 'Ready' ? 'NotReady' : type))
  return [
    name,
    zone,
    arch,
    cpuMillis === undefined ? '-' : `${cpuMillis}m`,
    memoryBytes === undefined ? '-' : `${Math.round(memoryBytes / 1_048_576)}Mi`,
    told.join(', ') || 'Ready',
  ]
}
