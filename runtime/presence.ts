/** The retained document at `topics.host`: one running host. A last will clears it.
 *  Written only once the function is loaded and its `setup` has succeeded. */
export interface Presence {
  v: 1
  host: string
  /** Grows whenever the controller changes what the process runs; the newest live generation owns the partitions. */
  generation: number
  /** Digest of the code that runs: `sha256:…`. */
  artifact: string
  node: string
  pid: number
  startedAt: string
  /** The newest wiring revision that is in effect in all partitions of this host; 0 before the first. */
  wiring: number
  /** Partitions whose session this host holds, subscribed to all their inputs. */
  partitions: number[]
  /** Of those that it had: what it has not finished yet, and still holds. */
  leaving?: number[]
  /** Why a partition makes no progress, if the host knows: shown in `dyninka status`. */
  trouble?: string
}

/** What the controller (or a pod spec) gives a host, as environment variables. */
export interface HostEnvironment {
  DYNINKA_FLOW: string
  DYNINKA_NODE: string
  /** Name of the node of the graph that this host runs. */
  DYNINKA_FUNCTION: string
  /** Unique among all hosts ever started. */
  DYNINKA_HOST: string
  DYNINKA_GENERATION: string
  /** Digest of the code, for presence. */
  DYNINKA_ARTIFACT: string
  /** Absolute path of the bundled function (an ES module), or of that with `.gz` behind it; absent for sources and sinks. */
  DYNINKA_CODE?: string
  /** `mqtt://user:password@host:port`. */
  DYNINKA_BROKER: string
  /** Of brokers of zones, by zone, as JSON; absent where there are none. */
  DYNINKA_ZONE_BROKERS?: string
  /** Names of the variables that `ctx.env` shows, comma-separated. */
  DYNINKA_ENV: string
  /** Between two reports of figures, ms; five seconds when absent. */
  DYNINKA_FIGURES_MS?: string
  /** Address on which an HTTP source listens, `*` for all; the loopback address when absent. */
  DYNINKA_LISTEN?: string
  /** TCP port that is opened once this host holds what is its own: whoever it replaces may go. */
  DYNINKA_READY_PORT?: string
}

/** In place of a presence, from the controller: the host is to leave. To all others it is gone from then on. */
export const dismissal = 'leave'
