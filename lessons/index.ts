/** The lessons in the order they are meant to be taken. */
import { logNotQueue } from './01-log-not-queue/lesson.ts'

export const lessons = [logNotQueue]
