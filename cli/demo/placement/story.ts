import { paint } from '../../paint.ts'
import type { Pull } from '../forge/pull-requests.ts'
import { brokerZone, links, nodes } from './world.ts'

/** Windows of telemetry, looks at it, and waiting after a merge, as short as `dyninka run` takes them: with the defaults
 *  the same takes a quarter of an hour. */
export const pace = { windowMs: 2_000, everyMs: 3_000, holding: 4, settlingMs: 6_000 }

export function worldText(): string {
  const machines = nodes.map(
    ({ name, zone }) => `  ${zone!.padEnd(8)} ${name}${zone === brokerZone ? ', and the broker' : ''}`,
  )
  const ways = links.map(
    ({ zones, rttMs, bytesPerSecond }) =>
      `  ${zones.join(' ~ ').padEnd(16)} ${rttMs} ms there and back, ${bytesPerSecond! / 1000} kB/s`,
  )
  return [
    'Three zones on this machine, and what lies between them:',
    '',
    ...machines,
    '',
    ...ways,
    '',
    'Stations send to the broker at the edge. All functions run in the cloud: each record goes there and back, for each.',
  ].join('\n')
}

/** What a reviewer reads first: the title, what it saves, the change. */
export function pullText({ title, body }: Pull, diff: string, page: string): string {
  const saves = body.split('\n\n').find(part => part.startsWith('**Saves')) ?? ''
  return [
    ...wrapped(title, 96).map(line => `  ${paint('bold', line)}`),
    '',
    ...wrapped(saves.replaceAll('**', ''), 96).map(line => `  ${line}`),
    '',
    ...changesIn(diff).map(line => `  ${line}`),
    '',
    `  All of it, with the pictures before and after: ${paint('cyan', page)}`,
  ].join('\n')
}

/** The lines that change, each below the name of what it is of. */
function changesIn(diff: string): string[] {
  let name = ''
  return diff.split('\n').flatMap(line => {
    if (/^(diff|index|---|\+\+\+) /.test(line)) return []
    if (/^ {3}[\w-]+:/.test(line)) name = line
    if (!/^[-+]/.test(line)) return []
    const above = name === '' ? [] : [name]
    name = ''
    return [...above, paint(line.startsWith('+') ? 'green' : 'red', line)]
  })
}

export const realisedText = (comment: string) =>
  wrapped(comment.replaceAll('**', ''), 96)
    .map(line => `  ${line}`)
    .join('\n')

/** The command that does the same with a dataflow and a forge of one's own. */
export const commandText = () =>
  [
    'The same with a repository of your own on GitHub, Gitea or Forgejo, this machine standing for three zones:',
    '',
    `  ${paint('bold', 'dyninka run --repo URL --forge github --propose \\')}`,
    `    ${nodes.map(({ name, zone }) => `--node ${name},zone=${zone}`).join(' ')} \\`,
    `    ${links.map(({ zones, rttMs }) => `--link ${zones.join('~')},rtt=${rttMs}ms`).join(' ')} \\`,
    `    --broker-zone ${brokerZone} --window ${pace.windowMs / 1000}s --every ${pace.everyMs / 1000}s --holding ${pace.holding} --settle ${pace.settlingMs / 1000}s`,
  ].join('\n')

function wrapped(text: string, width: number): string[] {
  const lines: string[] = ['']
  for (const word of text.split(/\s+/)) {
    const line = `${lines.at(-1)} ${word}`.trim()
    if (line.length > width) lines.push(word)
    else lines[lines.length - 1] = line
  }
  return lines
}
