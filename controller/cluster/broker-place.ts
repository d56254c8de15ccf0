const everyMs = 30_000

/** The zone that a broker is in, as it is looked up now and then. */
export class BrokerPlace {
  zone: string | undefined
  #timer: NodeJS.Timeout | undefined

  /** @param zoneOf absent where nothing tells; what it throws leaves what was known */
  constructor(zoneOf: (() => Promise<string | undefined>) | undefined) {
    if (!zoneOf) return
    const look = () =>
      zoneOf().then(
        zone => {
          this.zone = zone ?? this.zone
        },
        () => {},
      )
    void look()
    this.#timer = setInterval(look, everyMs).unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
