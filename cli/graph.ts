import { type Command, Option } from 'commander'
import { type ControllerOptions, command, controllerOptions, flowOption, isOfCluster } from './command.ts'
import { flowIn } from './flow-in.ts'
import type { Picture } from './graph/picture.ts'

type Format = 'text' | 'mermaid' | 'dot' | 'svg' | 'json'

interface Options extends ControllerOptions {
  format: Format
  json?: true
  flow?: string
  live?: true
}

export const graph = (): Command =>
  controllerOptions(
    command('graph', {
      summary: 'draw who reads whom',
      detail: 'Draws the dataflow of a folder, or with --live the one that runs, with its phases and rates.',
      examples: [
        ['dyninka graph', 'the dataflow in this folder, in the terminal'],
        ['dyninka graph --live', 'what runs, with records per second on each edge'],
        ['dyninka graph --flow etl -n flows', 'what runs in a cluster'],
        ['dyninka graph --format svg > graph.svg', 'a drawing for a page'],
        ['dyninka graph --format mermaid', 'for Markdown on GitHub or GitLab'],
      ],
      failure: 'the dataflow has findings, or the controller is not there',
    })
      .argument('[DIR]', 'folder of the dataflow', '.')
      .addOption(
        new Option('--format <FORMAT>', 'how to draw')
          .choices(['text', 'mermaid', 'dot', 'svg', 'json'])
          .default('text'),
      )
      .addOption(new Option('--json', 'the same as --format json').implies({ format: 'json' }))
      .option('--live', 'what runs, instead of a folder')
      .addOption(flowOption()),
  ).action(async (dir: string, options: Options) => {
    const live = options.live ?? (options.url !== undefined || isOfCluster(options))
    console.log(await draw(live ? await running(options) : await written(dir), options.format))
  })

async function written(dir: string): Promise<Picture> {
  const { pictureOf } = await import('./graph/picture.ts')
  return pictureOf(await flowIn(dir))
}

async function running(options: Options): Promise<Picture> {
  const { connect } = await import('./api/connect.ts')
  const { api, flow } = await (await connect(options)).place(options.flow)
  return api.get<Picture>('/api/graph', { flow })
}

async function draw(picture: Picture, format: Format): Promise<string> {
  if (format === 'json') return JSON.stringify(picture, null, 2)
  if (format === 'text') {
    const columns = process.stdout.columns ?? Number(process.env.COLUMNS ?? 160)
    return (await import('./graph/text.ts')).text(picture, columns)
  }
  if (format === 'svg') return (await import('./graph/svg.ts')).svg(picture)
  if (format === 'dot') return (await import('./graph/dot.ts')).dot(picture)
  return (await import('./graph/mermaid.ts')).mermaid(picture)
}
