/** A node that an orchestrator offers, as far as placement needs to know it. */
export interface DeclaredNode {
  name: string
  /** The value of the topology key. */
  zone?: string
  /** As Go and Kubernetes name it: `amd64`, `arm64`, … */
  arch?: string
  labels?: Record<string, string>
  /** Thousandths of a core. */
  cpu?: number
  /** Bytes. */
  memory?: number
  /** Round trip to other zones, by name, where it is known. */
  rttMs?: Record<string, number>
}
