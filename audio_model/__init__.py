"""Sound to vector: decoding, mel spectrograms, the contrastive encoder, its export, the index.

Serving needs `encoder`, `pool` and `index`; none of them imports TensorFlow, librosa or pandas.
`train`, `export`, `network`, `batches`, `loss` and `mfcc` are for offline use.
"""

import os

# TensorFlow reads this once, when it is first imported, which may be from any module in here.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
