import { resolve } from 'node:path'
import { checkCode } from './code.ts'
import type { Dataflow } from './dataflow.generated.ts'
import type { DeclaredNode } from './declared-node.ts'
import { Draft } from './draft.ts'
import { type Finding, sortFindings } from './finding.ts'
import type { Flow } from './flow.ts'
import { interpret } from './interpret.ts'
import { prepare } from './parse-modules.ts'
import { parseYaml } from './parse-yaml.ts'
import { readSource } from './read-source.ts'
import { budget } from './rules/budget.ts'
import { cycles } from './rules/cycles.ts'
import { environment } from './rules/environment.ts'
import { inputs } from './rules/inputs.ts'
import { names } from './rules/names.ts'
import { nodes } from './rules/nodes.ts'
import { placement } from './rules/placement.ts'
import { ports } from './rules/ports.ts'
import { ranges } from './rules/ranges.ts'
import { retries } from './rules/retries.ts'
import { together } from './rules/together.ts'
import { topics } from './rules/topics.ts'
import { when } from './rules/when.ts'
import { checkShape } from './shape.ts'
import { SourceText } from './source-text.ts'
import { checkTypes } from './types/check-types.ts'

export interface LoadOptions {
  /** Name of the file; `dataflow.yaml` if not given. */
  file?: string
  /** What to check in place of what the file says. */
  text?: string
  /** Whether to check the types on every edge, with the TypeScript compiler; true if not given. */
  types?: boolean
  /** The nodes there are: a placement that none of them satisfies is a finding. */
  nodes?: readonly DeclaredNode[]
  /** The secrets that are set: one that isn't is a finding. */
  secrets?: ReadonlySet<string>
}

export interface Loaded {
  flow?: Flow
  findings: Finding[]
  /** As the file says it, whatever else is wrong with it. */
  name?: string
}

/** The dataflow in a folder, or everything that is wrong with it: `flow` is there only if `findings` is empty.
 *  Writes nothing below the folder. @throws Problem only for what is not the user's to mend */
export async function load(dir: string, options: LoadOptions = {}): Promise<Loaded> {
  const file = options.file ?? 'dataflow.yaml'
  const source = options.text === undefined ? await readSource(dir, file) : new SourceText(file, options.text)
  if (!(source instanceof SourceText)) return { findings: [source] }
  prepare()
  const { document, findings: syntax } = parseYaml(source)
  if (!document) return { findings: sortFindings(syntax, file) }
  const shape = checkShape(document)
  const draft = new Draft(document, shape.wrong)
  const findings = [
    ...syntax,
    ...shape.findings,
    ...names(draft),
    ...inputs(draft),
    ...cycles(draft),
    ...ranges(draft),
    ...retries(draft),
    ...environment(draft, options.secrets),
    ...topics(draft),
    ...ports(draft),
    ...placement(draft),
    ...together(draft),
    ...when(draft),
    ...budget(draft, options.nodes),
    ...nodes(draft, options.nodes),
  ]
  const root = resolve(dir)
  const code = await checkCode(root, draft)
  findings.push(...code.findings)
  if (options.types ?? true) {
    // The compiler would tell a syntax error once more, in other words.
    const told = new Set(code.findings.map(finding => finding.file))
    const types = await checkTypes(root, draft, code.sound)
    findings.push(...types.filter(finding => finding.file === file || !told.has(finding.file)))
  }
  const name = (document.value as Partial<Dataflow> | null)?.name
  const named = typeof name === 'string' && /^[\w.-]{1,40}$/.test(name) ? { name } : {}
  if (findings.length > 0) return { findings: sortFindings(findings, file), ...named }
  return { flow: interpret(document.value as Dataflow), findings: [], ...named }
}
