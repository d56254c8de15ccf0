/** The brokers of a dataflow as one host reaches them: URLs with credentials. */
export interface Ways {
  /** Of the dataflow's own broker. */
  home: string
  /** By zone that has a broker. */
  zones: Readonly<Record<string, string>>
}

/** The one place that says by which URL a host reaches each broker.
 *  @param zone where the host runs */
export type WaysOf = (host: { flow: string; node: string; zone: string }) => Ways
