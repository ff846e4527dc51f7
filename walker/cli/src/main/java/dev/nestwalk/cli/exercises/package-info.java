/**
 * Exercises from a seed: a {@link dev.nestwalk.cli.exercises.Kind} asks one question of a random
 * small machine and has the library answer it; a {@link dev.nestwalk.cli.exercises.Sheet} chooses
 * kinds. How a sheet looks is another matter: {@link dev.nestwalk.cli.exercises.HtmlSheet}, {@link
 * dev.nestwalk.cli.exercises.MarkdownSheet}.
 *
 * <p>Threads: everything here belongs to the thread that makes the sheet.
 */
@NullMarked
package dev.nestwalk.cli.exercises;

import org.jspecify.annotations.NullMarked;
