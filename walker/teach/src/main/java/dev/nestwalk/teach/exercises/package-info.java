/**
 * Exercises that are generated from a seed. A {@link dev.nestwalk.teach.exercises.Kind} asks one
 * question about a random small machine, and the library answers it. A {@link
 * dev.nestwalk.teach.exercises.Sheet} chooses kinds. {@link dev.nestwalk.teach.exercises.HtmlSheet}
 * and {@link dev.nestwalk.teach.exercises.MarkdownSheet} present a sheet.
 *
 * <p>Threads: everything here belongs to the thread that makes the sheet.
 */
@NullMarked
package dev.nestwalk.teach.exercises;

import org.jspecify.annotations.NullMarked;
