"""SynWeight Studio's core: weigh LLM-generated rows by quality over diversity, and train with the weights.

Import the module that names the noun: `from synweight_core import weighting, training`. Importing this
package loads nothing heavy; torch, transformers and umap are loaded only by the modules that compute.
"""

__version__ = "0.1.0"
