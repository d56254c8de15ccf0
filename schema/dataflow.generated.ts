// Made from dataflow.schema.json by `node schema/generate.ts`: change that file, not this one.

/**
 * One dataflow: where records come from, the functions they pass through, and where they go.
 */
export interface Dataflow {
  /**
   * The version of this language.
   */
  apiVersion: 'dyninka.dev/v1'
  /**
   * The name of the dataflow: part of every topic, process and pod that belongs to it.
   */
  name: string
  /**
   * Where records enter the graph, by name.
   */
  sources: {
    [k: string]: DataflowSource
  }
  /**
   * The functions, by name. Each runs as a process of its own.
   */
  functions: {
    [k: string]: DataflowFunction
  }
  /**
   * Where records leave the graph, by name.
   */
  sinks?: {
    [k: string]: DataflowSink
  }
  goal?: Goal
  budget?: Budget
}
/**
 * Where records enter: exactly one of `mqtt`, `every` and `http`.
 */
export interface DataflowSource {
  /**
   * An MQTT topic filter: each message on a matching topic becomes a record. `+` stands for one level, `#` for all that follow.
   */
  mqtt?: string
  /**
   * The broker to subscribe at, if it is not the one that carries the dataflow.
   */
  broker?: string
  /**
   * Makes a record `{ n, at }` at this interval: `n` counts from 1, `at` is the time in ISO 8601. From 1ms to 500h.
   */
  every?: string
  http?: HttpSource
  /**
   * Dotted path of the field that identifies a record. A record whose value was among the last ones seen is dropped. Absent: none is dropped.
   */
  id?: string
  /**
   * What the messages are: `json`, or `text`, whose records are strings.
   */
  format?: 'json' | 'text'
  /**
   * Dotted path of the field that holds a record's event time: ISO 8601, or milliseconds since 1970. Absent, or where the field is neither: the time of arrival.
   */
  time?: string
  /**
   * What to do when records come faster than the graph takes them: `block` leaves them at the broker (and answers 503 over HTTP), `drop-oldest` and `drop-newest` drop and count.
   */
  overflow?: 'block' | 'drop-oldest' | 'drop-newest'
  placement?: Placement
}
/**
 * Takes JSON by `POST`: one record for each request, or one for each line of `application/x-ndjson`.
 */
export interface HttpSource {
  /**
   * The TCP port to listen on.
   */
  port: number
  /**
   * The path of the URL that takes records.
   */
  path?: string
}
/**
 * Where it may run, where it should run, and where it was decided to run.
 */
export interface Placement {
  /**
   * What a node must have. Absent: any node will do.
   */
  require?: {
    /**
     * Processor architectures that will do. Absent: any.
     *
     * @minItems 1
     *
     * Items: A processor architecture.
     */
    arch?: ('amd64' | 'arm64' | 'arm' | 'ppc64le' | 'riscv64' | 's390x')[]
    /**
     * Labels of the node and their values; `exists` stands for any value. Absent: any node.
     */
    labels?: {
      /**
       * The value that the label must have, or `exists`.
       */
      [k: string]: string
    }
  }
  /**
   * Zones to favour. Absent: none.
   */
  prefer?: Preference[]
  /**
   * Sources, functions and sinks to stay close to, going by the round trips between zones that are known. On Kubernetes the same zone is preferred. Absent: none.
   */
  near?: Nearness[]
  /**
   * Sources, functions and sinks not to share a node with. It holds for them, too. Absent: none.
   *
   * Items: The name of a function (or source, or sink) of this dataflow.
   */
  apart?: string[]
  /**
   * Sources, functions and sinks to share one node with, whichever that is. It holds for them, too, so one of them has the decision for all. On Kubernetes the same node is preferred. Absent: none.
   *
   * @minItems 1
   *
   * Items: The name of a function (or source, or sink) of this dataflow.
   */
  with?: string[]
  /**
   * The zone where it runs: the decision, written by a person or a merged pull request. Absent: any.
   */
  zone?: string
  /**
   * The one node where it runs. A zone is the better choice where several nodes would do. Absent: any.
   */
  node?: string
  /**
   * Whether it stays where it is: no move is ever suggested.
   */
  keep?: boolean
  /**
   * Where it runs instead under some conditions, decided ahead of time: of those whose condition holds, the first one counts; where none holds, `zone` and `node` do. What is required holds for each. The controller switches by itself, and says so in `dyninka status`. Absent: it stays.
   *
   * @minItems 1
   */
  when?: Alternative[]
}
/**
 * A zone to favour, and how much.
 */
export interface Preference {
  /**
   * The name of the zone.
   */
  zone: string
  /**
   * How much it counts against other preferences.
   */
  weight?: number
}
/**
 * Something to stay close to, and how close.
 */
export interface Nearness {
  /**
   * The name of a function (or source, or sink) of this dataflow.
   */
  function: string
  /**
   * The longest round trip between the two.
   */
  maxRtt: string
}
/**
 * A condition, and the `zone` or the `node` where it runs while that holds.
 */
export interface Alternative {
  if: Condition
  /**
   * The zone where it runs then. Absent: `node` says where.
   */
  zone?: string
  /**
   * The one node where it runs then. Absent: `zone` says where.
   */
  node?: string
}
/**
 * When an alternative counts. Of several parts, all must hold. What is not known holds no condition, and ends none. A number counts once it has held for 30 s, and until it is back over the line by a tenth for as long.
 */
export interface Condition {
  /**
   * How full the battery is, by the label `battery` of nodes: a number from 0 to 100. Of several nodes where `zone` and `node` let it run, all that have the label must fit. Absent: it doesn't matter.
   */
  battery?: string
  /**
   * A label of nodes whose value is a number; `value` says which will do. Of several nodes where `zone` and `node` let it run, all that have the label must fit. Absent: none.
   */
  label?: string
  /**
   * What the number in `label` must be. Absent where no `label` is named.
   */
  value?: string
  /**
   * Two zones; `rtt` says how long the round trip between them must be. Absent: none.
   */
  link?: string
  /**
   * How long the round trip over `link` must be: the median of what is known of its nodes. Absent where no `link` is named.
   */
  rtt?: string
  /**
   * Between two times of day; the second one is not part of it any more, and may be on the next day. Absent: always.
   */
  time?: string
  /**
   * Whose time of day it is, by a name of the IANA.
   */
  timezone?: string
}
/**
 * One default export in one file.
 */
export interface DataflowFunction {
  /**
   * The file whose default export is the function, relative to the folder of this file.
   */
  code: string
  /**
   * What to read: the name of a source or function, `name.output` for a named output, or a list of them.
   *
   * @minItems 1
   */
  from: string | string[]
  /**
   * Dotted path of the field whose value is the key of a record. Records of one key are handled in order, in one partition, and share `ctx.state`. Absent: records have no key.
   */
  key?: string
  scale?: Scale
  /**
   * How many records of one partition may be in the function at once; never two of one key. Outputs leave in order all the same.
   */
  concurrency?: number
  retry?: Retry
  /**
   * Environment variables, seen as `ctx.env`. Values are strings: quote numbers and booleans.
   */
  env?: {
    /**
     * The value of the variable.
     */
    [k: string]: string
  }
  /**
   * Names of environment variables whose values the operator of the controller holds, so that they stay out of Git.
   *
   * Items: The name of an environment variable: letters, digits and underscores, not a digit first, and not `DYNINKA_…`.
   */
  secrets?: string[]
  resources?: Resources
  placement?: Placement
}
/**
 * How many partitions, and so how many processes, share the work.
 */
export interface Scale {
  /**
   * Processes that always run. With 0, none runs while there is no work.
   */
  min?: number
  /**
   * The number of partitions, a power of two: the most processes among which the keys can be spread. Between `min` and `max`, the load decides how many run. It may be changed while records flow.
   */
  max?: number
}
/**
 * What happens when a record fails: it is tried again, then put among the dead letters.
 */
export interface Retry {
  /**
   * How often a record is tried in all, the first time included.
   */
  attempts?: number
  /**
   * The wait before the second try; it doubles with each further one.
   */
  backoff?: string
  /**
   * How long one try may take.
   */
  timeout?: string
  /**
   * `strict` holds back the records of the same partition until the failing one is done; `relaxed` holds back those of the same key only, and needs a `key`.
   */
  order?: 'strict' | 'relaxed'
}
/**
 * What one process needs; `validate` finds it wrong when no declared node has it. Not used further yet: no process is held to it, nor placed by it.
 */
export interface Resources {
  /**
   * Processor time: `100m` is a tenth of a core. Absent: no limit.
   */
  cpu?: string | number
  /**
   * Memory, in bytes or with `Ki`, `Mi`, `Gi`, `k`, `M`, `G`. Absent: no limit.
   */
  memory?: string | number
}
/**
 * Where records leave: exactly one of `mqtt`, `log`, `http` and `file`.
 */
export interface DataflowSink {
  /**
   * What to read: the name of a source or function, `name.output` for a named output, or a list of them.
   *
   * @minItems 1
   */
  from: string | string[]
  /**
   * Publishes each record as JSON on this MQTT topic.
   */
  mqtt?: string
  /**
   * The broker to publish at, if it is not the one that carries the dataflow.
   */
  broker?: string
  /**
   * Whether the broker keeps the last record for who subscribes later.
   */
  retain?: boolean
  /**
   * Writes each record to the log, shown by `dyninka logs`.
   */
  log?: {}
  http?: HttpSink
  /**
   * Appends each record as one line of JSON (NDJSON) to this file, on the node where the sink runs.
   */
  file?: string
  retry?: Retry
  placement?: Placement
}
/**
 * Sends each record as JSON by `POST`, with its id as `idempotency-key`. Any answer but 2xx counts as a failure and is retried.
 */
export interface HttpSink {
  /**
   * Where to send records.
   */
  url: string
  /**
   * Headers to send beside `content-type: application/json`.
   */
  headers?: {
    /**
     * The value of the header.
     */
    [k: string]: string
  }
}
/**
 * What a suggested move is to make less of. Absent: latency and network count alike.
 */
export interface Goal {
  /**
   * The time that a record takes through the graph. Absent: it counts nothing.
   */
  latency?: number
  /**
   * The traffic between zones. Absent: it counts nothing.
   */
  network?: number
  /**
   * What the nodes cost that it runs on, by `budget.prices`. Absent: it counts nothing.
   */
  cost?: number
}
/**
 * What suggested moves may take, each day. Absent: any number of moves, at any cost.
 */
export interface Budget {
  /**
   * How many functions may be moved in a day; with 0, no move is suggested. Absent: any number.
   */
  moves?: number
  /**
   * What the nodes that it runs on may cost together in a day, in the money of the prices. Absent: anything.
   */
  cost?: number
  /**
   * What a node costs in a day. Absent: nothing is known of it.
   */
  prices?: {
    /**
     * By name of a node: this counts before what a label or its zone says. Absent: none.
     */
    nodes?: {
      /**
       * The price of the node for a day.
       */
      [k: string]: number
    }
    /**
     * The label of nodes that holds their price: this counts before what the zone says. Absent: none.
     */
    label?: string
    /**
     * By zone: what each of its nodes costs. Absent: none.
     */
    zones?: {
      /**
       * The price of each of its nodes for a day.
       */
      [k: string]: number
    }
  }
}
