/** A broker the bench can start. */
export interface Broker {
  readonly bootstrap: string
  readonly pid: number
  stop(): Promise<void>
}

export interface Opponent {
  readonly name: string
  /** What one has to know to read its figures. */
  readonly note?: string
  /** Builds or downloads what is not there yet, and starts it. Rejects with why it cannot be had. */
  start(): Promise<Broker>
}
