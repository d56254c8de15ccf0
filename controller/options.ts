import type { Logger } from 'pino'
import type { DeclaredLink } from '../schema/declared-link.ts'
import type { Finding } from '../schema/finding.ts'
import type { AdaptationSettings } from './adaptation/settings.ts'
import type { ScaleSettings } from './autoscale.ts'
import type { ForgeOptions } from './forge/forge.ts'
import type { DeclaredNode } from './orchestrator/orchestrator.ts'
import type { DecisionRules } from './placement/decision.ts'
import type { GitSourceOptions } from './source/index.ts'

/** What `dyninka run`, `dev` and `demo` ask of a controller. Exactly one of `repo` and `dir`. */
export interface ControllerOptions {
  /** Git URL or path of the repository to follow. */
  repo?: string
  /** Default: the remote's default branch. */
  branch?: string
  /** Subfolder of the repository in which dataflows are looked for. */
  path?: string
  /** Working folder to follow without Git; its revisions read `worktree@sha256:…`. */
  dir?: string
  /** How the repository is reached, and what is asked of its commits. Nothing of it is written down. */
  git?: Pick<GitSourceOptions, 'credentials' | 'ssh' | 'requireSignature' | 'depth'>
  /** Between two polls of the repository. Default 30 s. */
  intervalMs?: number
  /** `embedded` (default) or the URL of any MQTT 3.1.1 broker with persistent sessions. */
  broker?: string
  /** By zone of `nodes`: `embedded`, or the URL of a broker there. What is decided to run in such a zone sends by that. */
  zoneBrokers?: Record<string, string>
  /** Gives each node of a dataflow an account of its own on the broker, which is mosquitto with its dynamic security
   *  plugin; `broker` names an account that may make them. Passwords follow from the key, which is secret. */
  accounts?: { key: string }
  /** `host:port` of the HTTP API. Default `127.0.0.1:0`: a free port. */
  listen?: string
  /** Folder of everything that must survive a restart. Made if absent. */
  state: string
  /** Virtual nodes of this machine. Default: one, `local` in zone `local`. */
  nodes?: DeclaredNode[]
  /** What lies between their zones. Absent: nothing at all. */
  links?: DeclaredLink[]
  /** Zone of the broker. Needed where there are links. */
  brokerZone?: string
  /** Length of the windows of telemetry. Default 10 s. */
  windowMs?: number
  /** `.env`-style file of secrets; the variables `DYNINKA_SECRET_<NAME>` are read besides, and win. */
  secrets?: string
  /** A host that was heard of and then is silent for so long is restarted. Default 15 s. */
  silentMs?: number
  /** How long new code may take to start before the function stays what it was. Default 5 min. */
  pinAfterMs?: number
  /** When something runs elsewhere since a node can't be used; see `AdaptationSettings`. */
  adapting?: Partial<AdaptationSettings>
  /** When hosts are added and taken away; see `ScaleSettings`. */
  scaling?: Partial<ScaleSettings>
  /** Shared with the forge, for the signature of webhooks. Without it, `/webhook` refuses. */
  webhookSecret?: string
  /** Where commit statuses go. */
  forge?: ForgeOptions
  /** Asks, on the forge, to move functions to better places. */
  proposing?: Proposing
  logger?: Logger
  /** Progress, for people. Never throws back into the controller. */
  onEvent?: (event: ControllerEvent) => void
}

export interface Proposing {
  labels?: string[]
  /** Logins. */
  reviewers?: string[]
  isDraft?: boolean
  /** Of the commit: `{title}` and `{moves}` stand for what they say. Default `{title}`. */
  commitMessage?: string
  /** Of branches; the name of the dataflow follows. Default `dyninka/`. */
  branchPrefix?: string
  /** Zone of each broker that nothing else tells, by URL. */
  brokerZones?: Record<string, string>
  /** URL of a Prometheus that scrapes the controller, to ask instead of what is kept here. */
  prometheus?: string
  /** Between two looks. Default 10 min. */
  everyMs?: number
  /** What a suggestion has to hold against, where that differs from the default. */
  rules?: Partial<DecisionRules>
  /** Over how long a move has to pay. Default 24. */
  horizonHours?: number
  /** After a merge, before what is measured tells what came of it. Default 2 min. */
  settlingMs?: number
}

export interface Controller {
  /** Of the HTTP API. */
  url: string
  /** Of the broker, with which hosts and tools connect. */
  brokerUrl: string
  /** For the `authorization: Bearer` header; absent on a loopback address. */
  token?: string
  /** Looks at the repository now, as a webhook would. */
  reconcile(): void
  /** @param options.hosts also stop what runs, and the embedded broker */
  stop(options?: { hosts?: boolean }): Promise<void>
}

export type ControllerEvent =
  | { type: 'broker'; url: string; adopted: boolean }
  | { type: 'fetched'; revision: string; message: string }
  /** The source can't be read for now; what runs keeps running. */
  | { type: 'source-failed'; reason: string; message: string; hint?: string }
  /** A pass over a dataflow ended early, and is tried again; what runs keeps running. */
  | { type: 'pass-failed'; flow: string; reason: string; message: string; hint?: string; subject?: string }
  /** A pull request that asks to move functions. */
  | { type: 'suggested'; flow: string; state: 'opened' | 'updated' | 'withdrawn'; url: string }
  /** The forge could not be told what became of a commit; it is tried again. */
  | { type: 'report-failed'; flow: string; reason: string; message: string; hint?: string }
  /** A revision that is refused; `folder` is relative to the repository. */
  | { type: 'findings'; folder: string; revision: string; findings: Finding[] }
  | { type: 'building'; flow: string; functions: string[] }
  /** What takes longest of a build, in words: npm packages are fetched. */
  | { type: 'installing'; flow: string; message: string }
  | { type: 'built'; flow: string; function: string; ms: number; reused: boolean }
  | { type: 'build-failed'; flow: string; function: string; findings: Finding[] }
  | { type: 'started'; flow: string; function: string; generation: number }
  /** The newest generation has taken over; what it replaced stops now. */
  | { type: 'swapped'; flow: string; function: string; generation: number }
  | { type: 'stopped'; flow: string; function: string; generation: number }
  /** The load asks for another number of hosts. */
  | { type: 'scaled'; flow: string; function: string; hosts: number; reason: string }
  /** Something runs elsewhere for now, or again where its file says: by a condition of `when`, by hand, or
   *  since its node can't be used. `stays`: it could go back, and that does not pay. */
  | { type: 'relocated'; flow: string; function: string; to: string; reason: string; stays?: true }
  /** A host ended when it should not have, or can't be started. */
  | { type: 'failed'; flow: string; function: string; message: string; log: string[] }
  /** What `revision` brought did not start in time: the function stays what it was until a commit changes it. */
  | { type: 'pinned'; flow: string; function: string; revision: string; message: string }
  /** A function gave records up: told for the first ones, then for ten times as many. */
  | { type: 'dead-letters'; flow: string; function: string; count: number }
  /** The broker of a zone does not answer, or does again. */
  | { type: 'zone-broker'; flow: string; zone: string; url: string; isAway: boolean }
  /** It is not ready yet: told after 10 s, then ever more rarely. */
  | { type: 'waiting'; flow: string; message: string; ms: number }
  | { type: 'ready'; flow: string; revision: string; ms: number }
  | { type: 'pruned'; flow: string; function?: string }
