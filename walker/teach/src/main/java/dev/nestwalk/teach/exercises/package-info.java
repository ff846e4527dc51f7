/**
 * Exercises from a seed: a {@link dev.nestwalk.teach.exercises.Kind} asks one question of a random
 * small machine and has the library answer it; a {@link dev.nestwalk.teach.exercises.Sheet} chooses
 * kinds. How a sheet looks is another matter: {@link dev.nestwalk.teach.exercises.HtmlSheet},
 * {@link dev.nestwalk.teach.exercises.MarkdownSheet}.
 *
 * <p>Threads: everything here belongs to the thread that makes the sheet.
 */
@NullMarked
package dev.nestwalk.teach.exercises;

import org.jspecify.annotations.NullMarked;
