"""What a GPU does with attention rows in one pass each, in Triton.

Written with torch's operations each of these reads and writes as many numbers ten times over, and
that, not the arithmetic, is what a GPU takes its time for. Products keep float32's precision on
tensor cores: of float16 they are exact, of 0 and 1 with float32 in three parts of bfloat16 too, and
others are made of three products of TF32 ("tf32x3").

Rows come as parts of columns, which need not lie together: a row begins ``stride`` numbers after
the one before it.
"""
