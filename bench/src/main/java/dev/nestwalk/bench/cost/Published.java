package dev.nestwalk.bench.cost;

/**
 * What others measured or derived.
 *
 * @param figure in one sentence, with its unit and circumstances
 * @param source authors, title, where, year; or a specification and its section
 * @param read where in it, or where else, the figure was read by who wrote it down here
 */
public record Published(String figure, String source, String read) {}
