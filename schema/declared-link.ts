/** What lies between two zones, the same each way. */
export interface DeclaredLink {
  zones: [string, string]
  /** Round trip: each way takes half of it. */
  rttMs: number
  /** What fits through each way. Absent: as much as there is. */
  bytesPerSecond?: number
  /** Money for what is sent, as placement reckons it. */
  pricePerGiB?: number
}
