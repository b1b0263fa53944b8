"""A tokenizer of four words, for exercises on tokenizers and on what they feed."""


def toy_tokenizer():
    """Make a real tokenizer that splits at spaces and knows four words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = ["<?>", "<s>", "</s>", "the", "film", "was", "good"]
    toy = Tokenizer(
        models.WordLevel(
            {word: n for n, word in enumerate(vocabulary)}, unk_token="<?>"
        )
    )
    toy.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    toy.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=toy, unk_token="<?>", cls_token="<s>", sep_token="</s>"
    )
