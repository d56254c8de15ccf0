/** The only thing the data plane asks of a broker: sessions that outlive connections, and retained messages. */
export interface Transport {
  /** `mqtt://host:port`, where it leads to one. */
  readonly broker?: string
  /** Opens a connection; one with the same client ID is closed by the broker. @throws when refused or unreachable */
  connect(options: ConnectOptions): Promise<Connection>
}

export interface RoundTrip {
  broker: string
  ms: number
}

/** To a broker: what is needed to connect to it. */
export interface Way {
  transport: Transport
  nudge?: string
}

export interface ConnectOptions {
  clientId: string
  /** false: the broker keeps subscriptions and unacknowledged messages while nobody is connected. */
  clean: boolean
  will?: { topic: string; payload: string }
  /** Topic to which an empty message (QoS 0) may be sent where nothing else is: it makes TCP acknowledge at once, and
   *  so spares the next message of a broker with Nagle's algorithm 40 ms. */
  nudge?: string
  /** May be called before `connect` resolves: what the session had queued. */
  onMessage(message: Message): void
  /** Called once, whoever closed it, but not when `connect` rejects. Nothing is delivered afterwards. */
  onClose(error?: Error): void
}

export interface Connection {
  /** The broker had a session under this client ID. */
  readonly sessionPresent: boolean
  subscribe(filters: string[], qos: 0 | 1): Promise<void>
  unsubscribe(filters: string[]): Promise<void>
  /** Resolves when the broker has taken it over (QoS 1) or it was handed to the socket (QoS 0);
   *  rejects when the connection closes first. */
  publish(topic: string, payload: string | Buffer, options?: { qos?: 0 | 1; retain?: boolean }): Promise<void>
  /** Round trip to the broker, ms. */
  ping(): Promise<number>
  /** Stops reading, so that the broker has to wait; keeps the connection alive. */
  pause(): void
  resume(): void
  /** Disconnects cleanly: no last will. */
  close(): Promise<void>
}

export interface Message {
  readonly topic: string
  readonly payload: Buffer
  readonly retain: boolean
  /** Tells the broker that this message has had its effect. Call in the order of arrival [MQTT-4.6.0-2]. */
  readonly ack: () => void
}
