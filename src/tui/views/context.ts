import type { Translate } from '../../course/i18n/catalog.ts'
import type { Locale } from '../../course/i18n/locale.ts'
import type { Glyphs } from '../term/glyphs.ts'

/** What every view needs besides its model. */
export interface ViewContext {
  readonly t: Translate
  readonly locale: Locale
  readonly glyphs: Glyphs
  /** Columns and rows a view may fill. */
  readonly columns: number
  readonly rows: number
}
