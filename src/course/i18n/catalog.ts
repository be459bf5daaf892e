import { en } from './en.ts'
import { format, type Params } from './format.ts'
import { ko } from './ko.ts'
import type { Locale } from './locale.ts'

export type MessageId = keyof typeof en
export type Messages = Readonly<Record<MessageId, string>>
export type Translate = (id: MessageId, params?: Params) => string

export const CATALOGS: Readonly<Record<Locale, Messages>> = { en, ko }

export function translator(locale: Locale): Translate {
  const messages = CATALOGS[locale]
  return (id, params) => format(messages[id], params)
}
