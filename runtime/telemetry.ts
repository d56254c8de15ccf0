import type { Counters } from './counters.ts'
import type { TelemetryReport } from './telemetry-report.ts'

export function reportOf(
  host: string,
  counters: Counters,
  backlog: Record<string, number>,
  brokerRttMs: number | undefined,
): TelemetryReport {
  const { active } = performance.eventLoopUtilization()
  const { user, system } = process.cpuUsage()
  const { latencyMs, figures: _, ...counts } = counters
  return {
    v: 1,
    host,
    at: new Date().toISOString(),
    upMs: performance.now(),
    ...counts,
    backlog,
    activeMs: Math.round(active),
    cpuMs: (user + system) / 1000,
    residentBytes: process.memoryUsage.rss(),
    ...(latencyMs !== undefined && { latencyMs }),
    ...(brokerRttMs !== undefined && { brokerRttMs }),
  }
}
