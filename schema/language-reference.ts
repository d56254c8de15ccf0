import { flow } from './shape-words.ts'

interface Part {
  $ref?: string
  title?: string
  description?: string
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  default?: unknown
  examples?: unknown[]
  minimum?: number
  maximum?: number
  required?: string[]
  properties?: Record<string, Part>
  additionalProperties?: Part | false
  items?: Part
  $defs?: Record<string, Part>
}

/** The language reference, for people: everything in it comes from the schema. @throws never */
export function languageReference(schema: Part): string {
  const defs = schema.$defs!
  const sections = headings.map(([name, heading, sample]) => {
    const def = defs[name]!
    return `## ${heading}\n\n${def.description}\n\n${yaml(sample)}\n${fields(def, defs)}`
  })
  const words = Object.values(defs).filter(def => def.type === 'string')
  return `${[
    intro,
    `## The file\n\n${fields(schema, defs)}`,
    ...sections,
    `## Words\n\n${words.map(def => `**${def.title}.** ${def.description} Examples: ${examples(def)}.`).join('\n\n')}\n`,
    outro,
  ].join('\n')}`
}

const headings: [name: string, heading: string, sample: string][] = [
  [
    'source',
    'Sources',
    'sources:\n  thermometers: { mqtt: sensors/+/temperature, id: messageId }\n  heartbeat:    { every: 10s }\n  posted:       { http: { port: 8080, path: /readings } }',
  ],
  [
    'function',
    'Functions',
    'functions:\n  average:\n    code: functions/average.ts\n    from: parse\n    key: room\n    scale: { min: 1, max: 4 }\n    env: { THRESHOLD: "30" }\n    secrets: [SMTP_PASSWORD]',
  ],
  [
    'sink',
    'Sinks',
    'sinks:\n  alarms:  { from: alarm, mqtt: building/alarms, retain: true }\n  console: { from: [alarm, average], log: {} }\n  hook:    { from: alarm, http: { url: "https://hooks.example.com/alarms" } }\n  archive: { from: average, file: averages.ndjson }',
  ],
  [
    'from',
    'from',
    'from: parse                # what the source or function `parse` gives\nfrom: average.hot          # the named output `hot` of `average`\nfrom: [parse, average.hot] # both',
  ],
  ['scale', 'scale', 'scale: { min: 1, max: 4 }'],
  ['retry', 'retry', 'retry: { attempts: 5, backoff: 200ms, timeout: 5s, order: strict }'],
  ['resources', 'resources', 'resources: { cpu: 100m, memory: 64Mi }'],
  [
    'placement',
    'placement',
    'placement:\n  require: { arch: [arm64, amd64], labels: { camera: exists } }\n  prefer:  [{ zone: edge-lyon, weight: 50 }]\n  near:    [{ function: parse, maxRtt: 10ms }]\n  apart:   [archive]\n  with:    [decode]\n  zone: edge-lyon\n  when:\n    - { if: { battery: "< 20%" }, zone: cloud }\n    - { if: { link: edge-lyon~cloud, rtt: "> 80ms" }, node: gateway-2 }\n    - { if: { time: 22:00-06:00, timezone: Europe/Paris }, zone: cloud }',
  ],
  [
    'condition',
    'condition',
    'if: { battery: "< 20%" }\nif: { label: solar-watts, value: "< 15" }\nif: { link: edge-lyon~cloud, rtt: "> 80ms" }\nif: { time: 22:00-06:00, timezone: Europe/Paris, battery: "< 50%" } # both',
  ],
  ['goal', 'goal', 'goal: { latency: 3, network: 1 }'],
  [
    'budget',
    'budget',
    'budget:\n  moves: 4\n  cost: 25\n  prices: { label: price-per-day, zones: { edge-lyon: 0.3, cloud: 4.8 } }',
  ],
]

const intro = `<!-- Made from schema/dataflow.schema.json by \`node schema/generate.ts\`: change that file, not this one. -->
# The language of \`dataflow.yaml\`

A dataflow is one \`dataflow.yaml\` and the functions that it names. The smallest one:

${yaml('# yaml-language-server: $schema=./node_modules/dyninka/schema/dataflow.schema.json\napiVersion: dyninka.dev/v1\nname: room-climate\n\nsources:\n  thermometers: { mqtt: sensors/+/temperature }\n\nfunctions:\n  parse: { code: functions/parse.ts, from: thermometers }\n\nsinks:\n  console: { from: parse, log: {} }')}
The first line lets an editor complete and explain what you write. \`dyninka validate\` says everything that is wrong,
with the line, and what to write instead.

Plain YAML is all there is: no anchors, aliases, merge keys or tags, no key twice, no tabs, one document, at most 1 MiB.
`

const outro = `## What else is checked

- Every \`from\` names a source or a function; records never go round in a circle.
- Every \`code\` is a file inside the folder, parses, and has a default export that is a function.
- Types: what a function gives must be assignable to what its consumer takes, **as it looks after JSON**: a \`Date\`
  arrives as a string. A list or a generator gives many records, \`undefined\` none, a promise is awaited. A named output
  has the type that the context declares, \`ctx: Context<{ outputs: { hot: Average } }>\`; where none is declared, any
  consumer will do. What comes from \`mqtt\` and \`http\` is not known before it is there; \`every\` gives
  \`{ n: number; at: string }\`. The \`tsconfig.json\` of the package lends its \`lib\` and its strictness; without one,
  \`strict\` holds. Types of packages that aren't installed count as \`any\`. A \`key\` that no record of an input can
  have is found as well.
- Topics are well formed; a sink publishes on one topic; nothing reads or writes below \`dyninka/\`.
- Two sources don't listen on one port; a variable is not in \`env\` and in \`secrets\`.
- Placement doesn't contradict itself (\`with\` and \`apart\`, \`keep\` and \`when\`, two decisions for one node, …), every
  condition of \`when\` has a case of its own, and, where the nodes are known, some node satisfies it: always, and
  wherever \`when\` may switch to. What contradicts is told with both lines.
- A goal or a budget that counts the cost of nodes knows prices, and no decision costs more than the budget.

A YAML syntax error is told alone: what comes after it has no certain meaning. Everything else is told at once.

## In CI

\`dyninka validate\` exits with 1 if it finds anything. \`--format github\` marks the lines of a pull request, and
\`--format sarif\` writes what code scanning reads. As a GitHub Action, from the repository on
GitHub that holds Dyninka, yours or a fork of it: write its owner and name for \`OWNER/dyninka\`, and for \`@main\` the
branch, tag or commit to take. It installs nothing into the repository that it checks.

${yaml('- uses: actions/checkout@v4\n- uses: OWNER/dyninka/schema@main\n  with: { path: flows } # default: the whole repository')}
A private one is named by its path instead, beside a second checkout:

${yaml('- uses: actions/checkout@v4\n- uses: actions/checkout@v4\n  with: { repository: OWNER/dyninka, path: .dyninka } # token: one that may read it\n- uses: ./.dyninka/schema\n  with: { path: flows }')}\`npm ci\` in the repository before it lets the types of its packages be known.
`

function yaml(text: string): string {
  return `\`\`\`yaml\n${text}\n\`\`\`\n`
}

function fields(part: Part, defs: Record<string, Part>): string {
  const rows = [...rowsOf(part, defs, '')]
  if (rows.length === 0) return ''
  return `${['| field | value | default | |', '| --- | --- | --- | --- |', ...rows].join('\n')}\n`
}

/** A row for each field; what has no section of its own is written out in place, under its dotted name. */
function* rowsOf(part: Part, defs: Record<string, Part>, prefix: string): Iterable<string> {
  for (const [name, field] of Object.entries(part.properties ?? {})) {
    const target = resolve(field, defs)
    const needed = part.required?.includes(name) ? 'needed' : code(target.default)
    const cells = [
      `\`${prefix}${name}\``,
      kind(field, target, defs),
      needed,
      `${target.description} ${sample(name, target)}`,
    ]
    yield `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
    if (hasSection(field, defs)) continue
    yield* rowsOf(target, defs, `${prefix}${name}.`)
    if (target.items) yield* rowsOf(resolve(target.items, defs), defs, `${prefix}${name}[].`)
  }
}

const resolve = (field: Part, defs: Record<string, Part>): Part => {
  const target = field.$ref && defs[field.$ref.replace('#/$defs/', '')]
  return target ? { ...target, ...field } : field
}

const hasSection = ({ $ref }: Part, defs: Record<string, Part>) =>
  headings.some(([name]) => $ref === `#/$defs/${name}` && defs[name]?.type !== 'string')

function kind(field: Part, target: Part, defs: Record<string, Part>): string {
  if (hasSection(field, defs)) return `[${target.title!.toLowerCase()}](#${target.title!.toLowerCase()})`
  if (target.const !== undefined) return code(target.const)
  if (target.enum) return target.enum.map(code).join(', ')
  if (target.items) return `list of ${kind(target.items, resolve(target.items, defs), defs)}`
  if (target.additionalProperties) return `${plural(target.additionalProperties, defs)} by name`
  if (target.title && target.type === 'string') return `[${target.title.toLowerCase()}](#words)`
  const type = [target.type].flat().join(' or ')
  const words = type === 'object' ? 'mapping' : type === 'string' ? 'text' : type
  return target.maximum === undefined ? words : `${words}, ${target.minimum} to ${target.maximum}`
}

function plural(part: Part, defs: Record<string, Part>): string {
  const heading = headings.find(([name]) => part.$ref === `#/$defs/${name}`)?.[1]
  return heading
    ? `[${heading.toLowerCase()}](#${heading.toLowerCase()})`
    : `${kind(part, resolve(part, defs), defs)}`
}

const code = (value: unknown) => (value === undefined ? '' : `\`${flow(value)}\``)
const examples = (part: Part) => (part.examples ?? []).map(code).join(', ')
const sample = (name: string, part: Part) =>
  part.examples ? `<br>\`${name}: ${flow(part.examples[0])}\`` : ''
